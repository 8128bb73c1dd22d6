import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { Collector } from "./collector.ts";
import { skipWithout } from "./tools.ts";
import { waitUntil } from "./wait-until.ts";

const resource = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };
const scope = { name: "rig", version: "1" };

/** Now and before; the connectors ignore spans of long ago. */
function nanos(secondsAgo: number): string {
  return `${BigInt(Date.now() - secondsAgo * 1_000) * 1_000_000n}`;
}

function counter(value: number): object {
  const attributes = [{ key: "server.port", value: { intValue: "6379" } }];
  const dataPoints = [{ asInt: String(value), startTimeUnixNano: nanos(10), timeUnixNano: nanos(0), attributes }];
  const metric = {
    name: "weir.flow.io",
    unit: "By",
    sum: { dataPoints, isMonotonic: true, aggregationTemporality: 2 },
  };
  return { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: [metric] }] }] };
}

async function post(collector: Collector, path: string, body: object): Promise<void> {
  const answer = await fetch(`${collector.httpUrl}/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.text());
}

suite("Collector", { skip: skipWithout("collector") }, () => {
  let collector: Collector;
  before(async () => {
    collector = await Collector.start({ connectors: true });
  });
  after(() => collector.stop());

  test("metrics() gives what was sent, with resource, scope and attributes", async () => {
    await post(collector, "metrics", counter(104_729));
    const [point] = await waitUntil(() => collector.metrics().length === 1 && collector.metrics(), { what: "a point" });
    assert.equal(point?.name, "weir.flow.io");
    assert.equal(point.unit, "By");
    assert.equal(point.type, "sum");
    assert.equal(point.monotonic, true);
    assert.equal(point.temporality, "cumulative");
    assert.equal(point.value, 104_729);
    assert.deepEqual(point.attributes, { "server.port": 6379 });
    assert.deepEqual(point.resource, { "service.name": "shop" });
    assert.deepEqual(point.scope, scope);
    assert.ok(point.timeUnixNano > point.startTimeUnixNano);
    assert.equal(collector.metricsRequests(), 1);
  });

  test("metrics() gives histograms with their buckets", async () => {
    const dataPoints = [
      {
        count: "23",
        sum: 1.5,
        bucketCounts: ["20", "3", "0"],
        explicitBounds: [0.001, 1],
        startTimeUnixNano: nanos(1),
        timeUnixNano: nanos(0),
      },
    ];
    const metric = { name: "weir.tcp.rtt", unit: "s", histogram: { dataPoints, aggregationTemporality: 1 } };
    await post(collector, "metrics", { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: [metric] }] }] });
    const point = await waitUntil(() => collector.metrics().find(({ type }) => type === "histogram"), {
      what: "a histogram",
    });
    assert.deepEqual([point.count, point.sum, point.temporality], [23, 1.5, "delta"]);
    assert.deepEqual(
      [point.bucketCounts, point.explicitBounds],
      [
        [20, 3, 0],
        [0.001, 1],
      ],
    );
    assert.equal(point.value, undefined);
  });

  test("spans() gives what was sent, and the connectors turn a pair into an edge", async () => {
    const traceId = "5b8efff798038103d269b633813fc60c";
    const span = (service: string, own: object) => ({
      resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
      scopeSpans: [
        { scope, spans: [{ traceId, name: "GET", startTimeUnixNano: nanos(1), endTimeUnixNano: nanos(0), ...own }] },
      ],
    });
    const client = span("cart", {
      spanId: "eee19b7ec3c1b174",
      kind: 3,
      status: { code: 2, message: "refused" },
      attributes: [{ key: "tags", value: { arrayValue: { values: [{ stringValue: "a" }, { boolValue: true }] } } }],
    });
    const server = span("db", { spanId: "eee19b7ec3c1b175", parentSpanId: "eee19b7ec3c1b174", kind: 2 });
    await post(collector, "traces", { resourceSpans: [client, server] });
    const [sent, received] = await waitUntil(() => collector.spans().length === 2 && collector.spans(), {
      what: "spans",
    });
    assert.deepEqual([sent?.traceId, sent?.spanId, sent?.parentSpanId], [traceId, "eee19b7ec3c1b174", ""]);
    assert.deepEqual([sent?.kind, sent?.status], ["client", { code: "error", message: "refused" }]);
    assert.deepEqual(sent?.attributes, { tags: ["a", true] });
    assert.deepEqual(
      [received?.kind, received?.parentSpanId, received?.status.code],
      ["server", sent?.spanId, "unset"],
    );
    assert.equal(collector.traceRequests(), 1);
    const edge = /^traces_service_graph_request_total\{client="cart",.*server="db".*\} 1$/m;
    await waitUntil(async () => edge.test(await (await fetch(collector.prometheusUrl)).text()), { what: "the edge" });
  });

  test("grpcUrl takes what the OpenTelemetry SDK sends over gRPC", async () => {
    const before = collector.metricsRequests();
    const exporter = new OTLPMetricExporter({ url: collector.grpcUrl });
    const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
    provider.getMeter("rig").createCounter("made").add(23, { kind: "short" });
    await provider.shutdown();
    await waitUntil(() => collector.metricsRequests() === before + 1, { what: "one more request" });
    const point = collector.metrics().at(-1);
    assert.deepEqual([point?.name, point?.value, point?.attributes], ["made", 23, { kind: "short" }]);
  });

  test("halt() refuses connections, restart() takes more on the same ports and keeps what was there", async () => {
    const before = collector.metrics().length;
    await collector.halt();
    await assert.rejects(post(collector, "metrics", counter(1)), /fetch failed/);
    await collector.restart();
    await post(collector, "metrics", counter(2));
    await waitUntil(() => collector.metrics().length === before + 1, { what: "one more point" });
    assert.equal(collector.metrics().at(-1)?.value, 2);
  });
});
