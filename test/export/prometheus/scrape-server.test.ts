import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ListenError } from "../../../src/export/prometheus/listen-error.ts";
import { ScrapeServer } from "../../../src/export/prometheus/scrape-server.ts";
import type { MetricSource } from "../../../src/metrics/metric-source.ts";
import { ValueFamily } from "../../../src/metrics/value-family.ts";
import { waitUntil } from "../../rig/wait-until.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function sourceOf(series: number, refresh: () => void = () => {}, padding = () => "x".repeat(100)): MetricSource {
  const family = new ValueFamily("counter", {
    name: "weir.test",
    description: "A test.",
    unit: "",
    attributeKeys: [{ otlp: "a", label: "a" }],
    maxSeries: series,
  });
  for (let i = 0; i < series; i++) family.add([`${i}-${padding()}`], i);
  return { families: [family], refresh };
}

async function start(
  t: TestContext,
  source: MetricSource,
  readiness: () => string[] = () => [],
): Promise<ScrapeServer> {
  const server = await ScrapeServer.start({ host: "127.0.0.1", port: 0, source, readiness });
  t.after(() => server.shutdown());
  return server;
}

async function get(
  server: ScrapeServer,
  path: string,
  options: { method?: string; encoding?: string } = {},
): Promise<Answer> {
  const headers = options.encoding === undefined ? {} : { "accept-encoding": options.encoding };
  const sent = request({ port: server.port, path, method: options.method ?? "GET", headers, agent: false });
  sent.end();
  const [response] = await once(sent, "response");
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode, headers: response.headers, body };
}

test("ScrapeServer serves /metrics in the text format 0.0.4 after a refresh", async (t) => {
  let refreshes = 0;
  const server = await start(
    t,
    sourceOf(3, () => refreshes++),
  );
  const answer = await get(server, "/metrics?name=value");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(answer.headers["content-encoding"], undefined);
  assert.equal(answer.body.toString().split("\n").length, 3 + 3);
  assert.equal(refreshes, 1);
  assert.deepEqual(server.stats(), { served: 1, aborted: 0, rejected: 0, failed: 0 });
});

test("ScrapeServer keeps the text format and the names where a scraper prefers OpenMetrics", async (t) => {
  const server = await start(t, sourceOf(1));
  for (let round = 0; round < 2; round++) {
    const headers = { accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" };
    const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`, { headers });
    assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.match(await answer.text(), /# TYPE weir_test_total counter\nweir_test_total\{/);
  }
});

test("ScrapeServer compresses where the client takes gzip, and the text is the same", async (t) => {
  const server = await start(t, sourceOf(10_007));
  const plain = await get(server, "/metrics");
  for (const encoding of ["gzip", "deflate, gzip;q=0.5", "*"]) {
    const zipped = await get(server, "/metrics", { encoding });
    assert.equal(zipped.headers["content-encoding"], "gzip", encoding);
    assert.ok(zipped.body.length < plain.body.length / 5);
    assert.ok(gunzipSync(zipped.body).equals(plain.body));
  }
  for (const encoding of ["identity", "gzip;q=0", "br", "*;q=0"]) {
    assert.equal((await get(server, "/metrics", { encoding })).headers["content-encoding"], undefined, encoding);
  }
});

test("ScrapeServer answers /readyz with 503 and the reasons until there are none", async (t) => {
  const reasons = ["programs are not attached", "pods are not listed"];
  const server = await start(t, sourceOf(1), () => reasons);
  const waiting = await get(server, "/readyz");
  assert.equal(waiting.status, 503);
  assert.equal(waiting.body.toString(), "programs are not attached\npods are not listed\n");
  assert.equal((await get(server, "/healthz")).status, 200);
  reasons.length = 0;
  assert.equal((await get(server, "/readyz")).status, 200);
});

test("ScrapeServer has an index, and answers 404 and 405 to all else", async (t) => {
  const server = await start(t, sourceOf(1));
  const index = await get(server, "/");
  assert.equal(index.status, 200);
  assert.match(index.body.toString(), /href="\/metrics"/);
  assert.equal((await get(server, "/metric")).status, 404);
  assert.equal((await get(server, "/metrics/")).status, 404);
  const posted = await get(server, "/metrics", { method: "POST" });
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.allow, "GET, HEAD");
  for (const path of ["/metrics", "/healthz", "/readyz", "/"]) {
    const head = await get(server, path, { method: "HEAD" });
    assert.equal(head.status, 200, path);
    assert.equal(head.body.length, 0, path);
  }
});

test("ScrapeServer.start() says which address is in use and how to see by whom", async (t) => {
  const server = await start(t, sourceOf(1));
  const again = ScrapeServer.start({ host: "127.0.0.1", port: server.port, source: sourceOf(1), readiness: () => [] });
  await assert.rejects(again, (error: unknown) => {
    assert.ok(error instanceof ListenError);
    assert.equal(error.code, "EADDRINUSE");
    assert.ok(
      error.message.startsWith(`Cannot serve metrics on 127.0.0.1:${server.port}: another process listens there`),
    );
    return true;
  });
});

test("ScrapeServer.start() explains an address that is not this host's", async () => {
  const options = { port: 0, source: sourceOf(1), readiness: () => [] };
  await assert.rejects(ScrapeServer.start({ ...options, host: "192.0.2.1" }), (error: unknown) => {
    return error instanceof ListenError && error.code === "EADDRNOTAVAIL" && error.message.includes("192.0.2.1:0");
  });
});

test("ScrapeServer counts clients that leave, and serves the next ones", async (t) => {
  // More than the buffers of two sockets take, compressed or not: it cannot all be sent before the client leaves.
  const padding = () => randomBytes(400).toString("hex");
  const server = await start(
    t,
    sourceOf(50_000, () => {}, padding),
  );
  for (const encoding of ["identity", "gzip"]) {
    const before = server.stats().aborted;
    // More of them than scrapes may run at a time: each must give its place back.
    for (let i = 0; i < 5; i++) {
      const socket = connect(server.port, "127.0.0.1");
      socket.write(`GET /metrics HTTP/1.1\r\nHost: weir\r\nAccept-Encoding: ${encoding}\r\n\r\n`);
      await once(socket, "data");
      socket.resetAndDestroy();
    }
    await waitUntil(() => server.stats().aborted === before + 5, { what: `5 aborted ${encoding} scrapes` });
  }
  assert.equal((await get(server, "/metrics")).body.toString().split("\n").length, 50_000 + 3);
  assert.equal(server.stats().failed, 0);
});

test("ScrapeServer lets scrapes at once wait for each other, and refuses too many", async (t) => {
  const server = await start(t, sourceOf(5_003));
  const answers = await Promise.all(Array.from({ length: 30 }, () => get(server, "/metrics")));
  const refused = answers.filter(({ status }) => status === 503);
  const served = answers.filter(({ status }) => status === 200);
  assert.equal(served.length + refused.length, 30);
  assert.ok(served.length >= 18, `only ${served.length} were served`);
  assert.equal(server.stats().rejected, refused.length);
  for (const { headers } of refused) assert.equal(headers["retry-after"], "1");
  for (const { body } of served) assert.ok(body.equals(served[0]?.body as Buffer));
});

test("ScrapeServer drops what is not HTTP, and goes on", async (t) => {
  const server = await start(t, sourceOf(1));
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("\x16\x03\x01 not http\r\n\r\n");
  await once(socket, "close");
  assert.equal((await get(server, "/healthz")).status, 200);
});

test("ScrapeServer.shutdown() ends connections that are kept alive, and may be called twice", async (t) => {
  const server = await start(t, sourceOf(1));
  const socket = connect(server.port, "127.0.0.1");
  socket.write("GET /healthz HTTP/1.1\r\nHost: weir\r\n\r\n");
  await once(socket, "data");
  const closed = once(socket, "close");
  await Promise.all([server.shutdown(), server.shutdown()]);
  await closed;
  assert.equal(server.port, 0);
});
