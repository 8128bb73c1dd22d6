import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { startOtlp } from "../../../src/export/otlp/otlp-exporter.ts";
import type { OtlpProtocol } from "../../../src/export/otlp/otlp-settings.ts";
import type { OtlpExporter } from "../../../src/export/otlp/running-export.ts";
import { ValueFamily } from "../../../src/metrics/value-family.ts";
import { CertificateAuthority } from "../../rig/certificate-authority.ts";
import { Collector } from "../../rig/collector.ts";
import { ScratchDirectory } from "../../rig/scratch-directory.ts";
import { skipWithout } from "../../rig/tools.ts";
import { waitUntil } from "../../rig/wait-until.ts";
import { connectionEvent } from "./connection-event.ts";

const skip = skipWithout("collector");
const PROTOCOLS: readonly OtlpProtocol[] = ["grpc", "http/protobuf"];

/** An export that knows only what OpenTelemetry's variables say. */
async function startBy(t: TestContext, env: Readonly<Record<string, string>>): Promise<OtlpExporter> {
  Object.assign(process.env, env);
  t.after(() => {
    for (const name of Object.keys(env)) delete process.env[name];
  });
  const family = new ValueFamily("counter", {
    name: "weir.test",
    description: "A test.",
    unit: "",
    attributeKeys: [{ otlp: "a", label: "a" }],
    maxSeries: 1,
  });
  family.add(["b"], 23);
  const exporter = await startOtlp({
    source: { families: [family], refresh() {} },
    config: {},
    spans: { failed: true, closed: true, bothEnds: false },
    version: "1.2.3",
  });
  assert.ok(exporter);
  t.after(() => exporter.shutdown(1000));
  exporter.connection?.(connectionEvent());
  return exporter;
}

for (const protocol of PROTOCOLS) {
  test(`startOtlp() speaks TLS with a certificate of its own over ${protocol}, as OpenTelemetry's variables say`, {
    skip,
  }, async (t) => {
    const authority = new CertificateAuthority("weir-test");
    const running = await Collector.start({ tls: authority });
    t.after(() => running.stop());
    const files = new ScratchDirectory();
    t.after(() => files.remove());
    const client = authority.issue({ commonName: "agent" });
    const write = (name: string, text: string) => {
      writeFileSync(files.file(name), text);
      return files.file(name);
    };
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: protocol === "grpc" ? running.grpcUrl : running.httpUrl,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_CERTIFICATE: write("ca.crt", authority.certificate),
    };
    await t.test("not taken without one", async (t) => {
      const exporter = await startBy(t, { ...env, OTEL_EXPORTER_OTLP_TIMEOUT: "500" });
      await exporter.forceFlush();
      const failed = exporter.stats().map(({ signal, itemsFailed }) => `${signal} ${itemsFailed}`);
      assert.deepEqual(failed, ["metrics 1", "traces 1"]);
      assert.equal(running.metricsRequests() + running.traceRequests(), 0);
    });
    await t.test("taken with it", async (t) => {
      const exporter = await startBy(t, {
        ...env,
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: write("client.crt", client.certificate),
        OTEL_EXPORTER_OTLP_CLIENT_KEY: write("client.key", client.key),
      });
      await exporter.forceFlush();
      await waitUntil(() => running.metrics().length > 0 && running.spans().length > 0, { what: "a point and a span" });
      assert.equal(running.metrics()[0]?.value, 23);
    });
  });
}

test("startOtlp() sends the headers that OpenTelemetry's variables say, those of a signal before those of all", async (t) => {
  const seen = new Map<string, IncomingHttpHeaders>();
  // gRPC's answer to everything: nothing, and that went well.
  const server = createServer((request, response) => {
    seen.set(request.headers[":path"] ?? "", request.headers);
    request.resume();
    response.writeHead(200, { "content-type": "application/grpc" });
    response.addTrailers({ "grpc-status": "0" });
    response.end(Buffer.alloc(5));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const exporter = await startBy(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20a,x-tenant=blue",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-tenant=green",
  });
  await exporter.forceFlush();
  const said = [...seen].map(([path, headers]) => `${path} ${headers.authorization} ${headers["x-tenant"]}`);
  assert.deepEqual(said.sort(), [
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export Bearer a blue",
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export Bearer a green",
  ]);
});
