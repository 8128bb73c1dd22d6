import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

/** Prints which OpenTelemetry files a process has loaded after it asked for the export. */
const SCRIPT = `
  import { registerHooks } from "node:module";
  const loaded = [];
  registerHooks({ load(url, context, next) { if (/@opentelemetry|@grpc/.test(url)) loaded.push(url); return next(url, context); } });
  const { startOtlp } = await import(${JSON.stringify(new URL("../../../src/export/otlp/otlp-exporter.ts", import.meta.url).href)});
  const exporter = await startOtlp({
    source: { families: [], refresh() {} }, config: {}, version: "1", spans: { failed: true, closed: false, bothEnds: false },
  });
  console.log(JSON.stringify({ on: exporter !== undefined, loaded: loaded.length }));
  await exporter?.shutdown(1);
`;

async function load(env: Record<string, string>): Promise<{ on: boolean; loaded: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", SCRIPT], { env });
  return JSON.parse(stdout);
}

test("startOtlp() loads nothing of OpenTelemetry where OTLP is off", async () => {
  assert.deepEqual(await load({}), { on: false, loaded: 0 });
  const disabled = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_SDK_DISABLED: "true" };
  assert.deepEqual(await load(disabled), { on: false, loaded: 0 });
});

test("startOtlp() is on where only a variable names an endpoint", async () => {
  const { on, loaded } = await load({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
  assert.equal(on, true);
  assert.ok(loaded > 0);
});
