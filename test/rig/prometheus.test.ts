import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Prometheus } from "./prometheus.ts";
import { checkMetrics } from "./promtool.ts";
import { skipWithout } from "./tools.ts";

const skip = skipWithout("prometheus");

test("Prometheus scrapes its targets and answers queries exactly", { skip }, async (t) => {
  let connections = 23;
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(`# TYPE made_total counter\nmade_total{to="a\\"b"} ${connections}\nmade_total{to="c"} 104729\n`);
  }).listen(0, "127.0.0.1");
  t.after(() => server.close().closeAllConnections());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const prometheus = await Prometheus.start({ targets: [`127.0.0.1:${port}`], scrapeIntervalMs: 200 });
  t.after(() => prometheus.stop());

  const scrapedAt = await prometheus.scraped();
  assert.deepEqual(await prometheus.targets(), [{ url: `http://127.0.0.1:${port}/metrics`, up: true, lastError: "" }]);
  assert.equal(await prometheus.value("sum(made_total)", scrapedAt), 104_752);
  const samples = await prometheus.query(`made_total{to='a"b'}`, scrapedAt);
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels, value]),
    [[{ __name__: "made_total", to: 'a"b', instance: `127.0.0.1:${port}`, job: "weir" }, 23]],
  );
  connections = 24;
  await prometheus.waitForValue("sum(made_total)", 104_753);
  assert.equal(await prometheus.value("absent_total"), undefined);
  assert.equal((await prometheus.query("1 / 0"))[0]?.value, Number.POSITIVE_INFINITY);
  await assert.rejects(prometheus.value("made_total"), /2 series/);
  await assert.rejects(prometheus.query("sum("), /parse error/);
});

test("checkMetrics() finds nothing in a clean exposition, and names lint and syntax errors", { skip }, async () => {
  const clean = "# HELP flow_bytes_total Bytes.\n# TYPE flow_bytes_total counter\nflow_bytes_total 1\n";
  assert.deepEqual(await checkMetrics(clean), []);
  const lint = await checkMetrics("# HELP flow_bytes Bytes.\n# TYPE flow_bytes counter\nflow_bytes 1\n");
  assert.match(lint.join("\n"), /flow_bytes counter metrics should have "_total" suffix/);
  const syntax = await checkMetrics(`${clean.trim()}x{a="unfinished\n`);
  assert.match(syntax.join("\n"), /error while linting: text format parsing error/);
});
