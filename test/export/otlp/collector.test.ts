import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startOtlp } from "../../../src/export/otlp/otlp-exporter.ts";
import type { OtlpOptions } from "../../../src/export/otlp/otlp-options.ts";
import type { OtlpProtocol } from "../../../src/export/otlp/otlp-settings.ts";
import type { OtlpExporter } from "../../../src/export/otlp/running-export.ts";
import type { MetricFamily } from "../../../src/metrics/family.ts";
import { ValueFamily } from "../../../src/metrics/value-family.ts";
import { HistogramFamily } from "../../metrics/histogram-family.ts";
import { Collector } from "../../rig/collector.ts";
import { PATIENCE } from "../../rig/slowness.ts";
import { skipWithout } from "../../rig/tools.ts";
import { waitUntil } from "../../rig/wait-until.ts";
import { connectionEvent, FRONTEND } from "./connection-event.ts";

const skip = skipWithout("collector");
const PROTOCOLS: readonly OtlpProtocol[] = ["grpc", "http/protobuf"];
const START_MS = 1_780_000_000_000;
const START_NANO = 1_780_000_000_000_000_000n;
const KEYS = [
  { otlp: "client.k8s.workload.name", label: "client_workload" },
  { otlp: "server.port", label: "server_port" },
];

interface Families {
  readonly io: ValueFamily;
  readonly duration: HistogramFamily;
  readonly active: ValueFamily;
  readonly delay: ValueFamily;
  readonly all: readonly MetricFamily[];
}

function families(maxSeries = 100_000): Families {
  const options = { attributeKeys: KEYS, now: () => START_MS, maxSeries };
  const io = new ValueFamily("counter", { ...options, name: "weir.flow.io", unit: "By", description: "Bytes." });
  const duration = new HistogramFamily(
    { ...options, name: "weir.connect.duration", unit: "s", description: "Time." },
    [0.001, 0.1, 5],
  );
  const active = new ValueFamily("updowncounter", {
    ...options,
    name: "weir.connections.active",
    unit: "{connection}",
    description: "Open.",
  });
  const delay = new ValueFamily("gauge", { ...options, name: "weir.delay", unit: "s", description: "Late." });
  return { io, duration, active, delay, all: [io, duration, active, delay] };
}

async function start(
  t: TestContext,
  all: readonly MetricFamily[],
  options: Partial<OtlpOptions>,
): Promise<OtlpExporter> {
  const exporter = await startOtlp({
    source: { families: all, refresh() {} },
    config: {},
    spans: { failed: true, closed: true, bothEnds: false },
    version: "1.2.3",
    resource: { "k8s.node.name": "node-1" },
    // Ten seconds after the series began, and ten more with each page.
    now: () => START_MS + 10_000,
    ...options,
  });
  assert.ok(exporter);
  t.after(() => exporter.shutdown(1000));
  return exporter;
}

async function collector(t: TestContext): Promise<Collector> {
  const running = await Collector.start();
  t.after(() => running.stop());
  return running;
}

const urlOf = (running: Collector, protocol: OtlpProtocol) => (protocol === "grpc" ? running.grpcUrl : running.httpUrl);

for (const protocol of PROTOCOLS) {
  test(`a Collector gets every field of every metric by ${protocol}`, { skip }, async (t) => {
    const running = await collector(t);
    const { io, duration, active, delay, all } = families();
    io.add(['a"b\n,日本', "8080"], 104_729);
    io.add(["other", "0"], Number.MAX_SAFE_INTEGER);
    for (const seconds of [0.0005, 0.001, 0.05, 6]) duration.record(["a", "443"], seconds);
    active.set(["a", "443"], 23);
    delay.set(["a", "443"], -0.25);
    const exporter = await start(t, all, { config: { endpoint: urlOf(running, protocol), protocol } });
    await exporter.forceFlush();
    const points = await waitUntil(() => running.metrics().length === 5 && running.metrics(), { what: "5 points" });
    const [first, second, time, open, late] = points;
    for (const point of points) {
      assert.equal(point.resource["service.name"], "weir");
      assert.equal(point.resource["service.version"], "1.2.3");
      assert.equal(point.resource["k8s.node.name"], "node-1");
      assert.match(String(point.resource["service.instance.id"]), /^[0-9a-f-]{36}$/);
      assert.deepEqual(point.scope, { name: "weir", version: "1.2.3" });
      assert.equal(point.timeUnixNano, START_NANO + 10_000_000_000n);
    }
    assert.ok(first && second && time && open && late);
    assert.deepEqual(
      [first.name, first.unit, first.description, first.type, first.monotonic, first.temporality],
      ["weir.flow.io", "By", "Bytes.", "sum", true, "cumulative"],
    );
    assert.deepEqual(first.attributes, { "client.k8s.workload.name": 'a"b\n,日本', "server.port": 8080 });
    assert.equal(first.startTimeUnixNano, START_NANO);
    assert.deepEqual([first.value, second.value], [104_729, Number.MAX_SAFE_INTEGER]);
    assert.deepEqual(
      [time.name, time.unit, time.type, time.temporality, time.count, time.sum],
      ["weir.connect.duration", "s", "histogram", "cumulative", 4, 0.0005 + 0.001 + 0.05 + 6],
    );
    assert.deepEqual(
      [time.explicitBounds, time.bucketCounts],
      [
        [0.001, 0.1, 5],
        [2, 1, 0, 1],
      ],
    );
    assert.deepEqual(
      [open.name, open.unit, open.type, open.monotonic, open.temporality, open.value],
      ["weir.connections.active", "{connection}", "sum", false, "cumulative", 23],
    );
    assert.deepEqual([late.name, late.unit, late.type, late.value], ["weir.delay", "s", "gauge", -0.25]);
    const { itemsSent, batchesSent, batchesFailed } = exporter.stats()[0] ?? {};
    assert.deepEqual([itemsSent, batchesSent, batchesFailed], [5, 1, 0]);
  });

  test(`a Collector gets every field of a connection's span by ${protocol}`, { skip }, async (t) => {
    const running = await collector(t);
    const exporter = await start(t, [], { config: { endpoint: urlOf(running, protocol), protocol } });
    exporter.connection?.(connectionEvent({ failure: "reset" }));
    exporter.connection?.(connectionEvent({ observer: "server", clientAddress: "fd00::5", serverAddress: "fd00::7" }));
    await exporter.forceFlush();
    const spans = await waitUntil(() => running.spans().length === 2 && running.spans(), { what: "2 spans" });
    const client = spans.find(({ kind }) => kind === "client");
    const server = spans.find(({ kind }) => kind === "server");
    assert.ok(client && server);
    assert.deepEqual(client.resource, {
      "k8s.node.name": "node-1",
      "service.name": "frontend",
      "service.namespace": "shop",
      "k8s.namespace.name": "shop",
      "k8s.deployment.name": "frontend",
    });
    assert.equal(server.resource["k8s.statefulset.name"], "cart");
    assert.deepEqual(client.attributes, {
      "network.transport": "tcp",
      "network.type": "ipv4",
      "client.address": "10.244.1.5",
      "client.port": 40_001,
      "server.address": "10.96.0.23",
      "server.port": 8080,
      "network.peer.address": "10.96.0.23",
      "network.peer.port": 8080,
      "weir.flow.request.size": 104_729,
      "weir.flow.response.size": 7919,
      "weir.tcp.retransmits": 3,
      "client.k8s.namespace.name": "shop",
      "client.k8s.workload.name": "frontend",
      "client.k8s.workload.kind": "Deployment",
      "server.k8s.namespace.name": "shop",
      "server.k8s.workload.name": "cart",
      "server.k8s.workload.kind": "StatefulSet",
      "server.k8s.service.name": "cart-service",
      "server.k8s.service.namespace": "shop",
      "weir.connect.duration": 0.00125,
      "error.type": "reset",
      "process.pid": 4711,
      "process.executable.name": "node",
      "peer.service": "cart",
    });
    assert.equal(client.name, "tcp connection");
    assert.deepEqual(client.status, { code: "error", message: "connection failed: reset" });
    assert.deepEqual(server.status, { code: "unset", message: "" });
    assert.equal(client.startTimeUnixNano, START_NANO + 250_000n);
    assert.equal(client.endTimeUnixNano, START_NANO + 23_750_000n);
    assert.equal(client.traceId, server.traceId);
    assert.deepEqual([client.parentSpanId, server.parentSpanId], ["", ""]);
    assert.equal(server.attributes["network.type"], "ipv6");
    assert.equal(server.attributes["network.peer.address"], "fd00::5");
    assert.deepEqual(client.scope, { name: "weir", version: "1.2.3" });
  });

  test(`20 011 series arrive by ${protocol} in requests below the Collector's limits`, { skip }, async (t) => {
    const running = await collector(t);
    const { io, all } = families();
    for (let i = 0; i < 20_011; i++) io.add([`workload-${i}-${"x".repeat(200)}`, "8080"], i);
    const exporter = await start(t, all, { config: { endpoint: urlOf(running, protocol), protocol } });
    await exporter.forceFlush();
    await waitUntil(() => exporter.stats()[0]?.itemsSent === 20_011, { what: "all points to be sent" });
    assert.equal(exporter.stats()[0]?.batchesFailed, 0);
    const points = await waitUntil(() => running.metrics().length === 20_011 && running.metrics(), {
      what: "all points",
    });
    assert.equal(new Set(points.map(({ attributes }) => attributes["client.k8s.workload.name"])).size, 20_011);
    assert.equal(
      points.reduce((sum, { value }) => sum + (value ?? 0), 0),
      (20_011 * 20_010) / 2,
    );
    assert.ok(running.metricsRequests() >= 5);
  });

  test(`deltas add up by ${protocol} although the Collector was away in between`, { skip }, async (t) => {
    const running = await collector(t);
    const { io, all } = families();
    const exporter = await start(t, all, {
      config: { endpoint: urlOf(running, protocol), protocol, temporality: "delta" },
      now: Date.now,
    });
    io.add(["a", "1"], 1000);
    await exporter.forceFlush();
    await running.halt();
    io.add(["a", "1"], 200);
    await exporter.forceFlush();
    assert.ok((exporter.stats()[0]?.batchesFailed ?? 0) >= 1);
    assert.equal(exporter.stats()[0]?.itemsSent, 1);
    await running.restart();
    io.add(["a", "1"], 30);
    // gRPC waits before it connects again, so a flush may fail once more.
    await waitUntil(
      async () => {
        await exporter.forceFlush();
        return exporter.stats()[0]?.itemsSent === 2;
      },
      { what: "the second delta to be sent", deadlineMs: 60_000 },
    );
    const points = await waitUntil(() => running.metrics().length === 2 && running.metrics(), { what: "2 points" });
    assert.deepEqual(
      points.map(({ value }) => value),
      [1000, 230],
    );
    assert.deepEqual(
      points.map(({ temporality }) => temporality),
      ["delta", "delta"],
    );
    assert.equal(points[1]?.startTimeUnixNano, points[0]?.timeUnixNano);
  });
}

test("startOtlp() honours OpenTelemetry's variables", { skip }, async (t) => {
  const running = await collector(t);
  const env: Record<string, string> = {
    OTEL_EXPORTER_OTLP_ENDPOINT: running.grpcUrl,
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta",
    OTEL_METRIC_EXPORT_INTERVAL: "100",
    OTEL_SERVICE_NAME: "my-weir",
    OTEL_RESOURCE_ATTRIBUTES: "k8s.cluster.name=blue,deployment.environment.name=test",
  };
  Object.assign(process.env, env);
  t.after(() => {
    for (const name of Object.keys(env)) delete process.env[name];
  });
  const { io, active, all } = families();
  io.add(["a", "1"], 23);
  active.set(["a", "1"], 7);
  const exporter = await start(t, all, {});
  exporter.connection?.(connectionEvent({ client: { ...FRONTEND } }));
  // Nobody flushes: the interval does.
  const points = await waitUntil(() => running.metrics().length >= 2 && running.metrics(), { what: "points" });
  assert.equal(points[0]?.resource["service.name"], "my-weir");
  assert.equal(points[0]?.resource["k8s.cluster.name"], "blue");
  assert.deepEqual(
    points.slice(0, 2).map(({ name, temporality }) => `${name} ${temporality}`),
    ["weir.flow.io delta", "weir.connections.active cumulative"],
  );
  const [span] = await waitUntil(() => running.spans().length > 0 && running.spans(), { what: "a span" });
  assert.equal(span?.resource["service.name"], "frontend");
  assert.equal(span?.resource["k8s.cluster.name"], "blue");
});

test("OtlpExporter.shutdown() ends in time and warns although the Collector is away", {
  skip,
}, async (t) => {
  const running = await collector(t);
  const { httpUrl } = running;
  await running.halt();
  const { io, all } = families();
  for (let i = 0; i < 30_011; i++) io.add([`${i}`, "1"], i);
  const warnings: string[] = [];
  const log = { info: () => {}, warn: (_details: object, message: string) => void warnings.push(message) };
  const exporter = await start(t, all, { config: { endpoint: httpUrl }, log });
  for (let i = 0; i < 101; i++) exporter.connection?.(connectionEvent({ clientIsn: i + 1 }));
  const beganMs = performance.now();
  await exporter.shutdown(1500);
  assert.ok(performance.now() - beganMs < 5000 * PATIENCE);
  assert.deepEqual(warnings.slice(-1), ["OTLP: the last values may not have arrived"]);
});
