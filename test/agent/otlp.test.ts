import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import { type TestContext, test } from "node:test";
import { connectPeer, PeerClient, PeerServer } from "../lab/peer.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { Collector } from "../rig/collector.ts";
import { parseExposition } from "../rig/exposition.ts";
import { freePort } from "../rig/free-port.ts";
import type { MetricPoint } from "../rig/otlp-json.ts";
import { PATIENCE } from "../rig/slowness.ts";
import { skipWithout } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { NamedPlace } from "./named-place.ts";

const skip = skipWithout("collector");
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};
const MS = 1_000_000n;

async function collectorOf(t: TestContext, options: Parameters<typeof Collector.start>[0] = {}): Promise<Collector> {
  const collector = await Collector.start(options);
  t.after(() => collector.stop());
  return collector;
}

async function agentOf(t: TestContext, collector: Collector, protocol: "grpc" | "http/protobuf", ...flags: string[]) {
  const endpoint = protocol === "grpc" ? collector.grpcUrl : collector.httpUrl;
  const otlp = ["--otlp.endpoint", endpoint, "--otlp.protocol", protocol, "--otlp.interval", "1s"];
  const agent = await AgentProcess.startReady({ flags: [...otlp, "--flows.sweep-interval", "250ms", ...flags] });
  t.after(() => agent.kill());
  return agent;
}

/** The newest point of a metric for a server port, and for one direction, observer or reason. */
function newest(collector: Collector, name: string, port: number, extra?: string): MetricPoint | undefined {
  return collector.metrics().findLast((point) => {
    const { attributes } = point;
    const one = attributes["direction"] ?? attributes["observer"] ?? attributes["reason"];
    return point.name === name && attributes["server.port"] === port && (extra === undefined || one === extra);
  });
}

for (const protocol of ["grpc", "http/protobuf"] as const) {
  test(`a real Collector gets every field of the agent's metrics by ${protocol}`, { skip }, async (t) => {
    const startedNano = BigInt(Date.now()) * MS;
    const collector = await collectorOf(t);
    const agent = await agentOf(t, collector, protocol, "--node-name", "node-1");
    const [client, server] = [new NamedPlace(t), new NamedPlace(t)];
    const [port, deadPort] = [await freePort(), await freePort()];
    await PeerServer.start(server, { port, read: 4553, respond: 1009 });
    const trafficNano = BigInt(Date.now()) * MS;
    await connectPeer(client, { to: "127.0.0.1", port, count: 23, send: 4553, expect: 1009 });
    await connectPeer(client, { to: "127.0.0.1", port: deadPort, count: 5 });
    const held = await PeerClient.start(client, {
      to: "127.0.0.1",
      port,
      count: 7,
      send: 4553,
      expect: 1009,
      hold: true,
    });
    await held.holding();
    await waitUntil(() => newest(collector, "weir.connections.active", port)?.value === 7, { what: "the held ones" });
    await waitUntil(() => newest(collector, "weir.connections.failed", deadPort)?.value === 5, { what: "the refused" });
    await waitUntil(() => newest(collector, "weir.connections.closed", port)?.value === 23, { what: "the closed" });

    const edge = {
      "client.k8s.workload.name": client.label,
      "client.k8s.workload.kind": "Process",
      "server.k8s.workload.name": server.label,
      "server.k8s.workload.kind": "Process",
      "server.port": port,
      "network.transport": "tcp",
    };
    const check = (name: string, extra: Record<string, string>, fields: Partial<MetricPoint>) => {
      const point = newest(collector, name, port, Object.values(extra)[0]);
      assert.ok(point, `${name} ${JSON.stringify(extra)} did not arrive`);
      assert.deepEqual(point.attributes, { ...edge, ...extra });
      const keys = Object.keys(fields) as (keyof MetricPoint)[];
      assert.deepEqual(Object.fromEntries(keys.map((key) => [key, point[key]])), fields, name);
      assert.deepEqual(point.scope, { name: "weir", version });
      assert.equal(point.resource["service.name"], "weir");
      assert.equal(point.resource["service.version"], version);
      assert.equal(point.resource["k8s.node.name"], "node-1");
      assert.match(String(point.resource["service.instance.id"]), /^[0-9a-f-]{36}$/);
      assert.notEqual(point.description, "");
      assert.ok(point.startTimeUnixNano >= startedNano, `${name} starts ${point.startTimeUnixNano}`);
      assert.ok(point.timeUnixNano >= trafficNano && point.timeUnixNano >= point.startTimeUnixNano);
      assert.ok(point.timeUnixNano <= BigInt(Date.now()) * MS);
    };
    const counter = { type: "sum", monotonic: true, temporality: "cumulative" } as const;
    check("weir.flow.io", { direction: "request" }, { ...counter, unit: "By", value: 30 * 4553 });
    check("weir.flow.io", { direction: "response" }, { ...counter, unit: "By", value: 30 * 1009 });
    check("weir.flow.packets", { direction: "request" }, { ...counter, unit: "{packet}" });
    check("weir.flow.packets", { direction: "response" }, { ...counter, unit: "{packet}" });
    check("weir.connections.opened", {}, { ...counter, unit: "{connection}", value: 30 });
    check("weir.connections.closed", {}, { ...counter, unit: "{connection}", value: 23 });
    const updown = { ...counter, monotonic: false };
    check("weir.connections.active", {}, { ...updown, unit: "{connection}", value: 7 });
    const histogram = { type: "histogram", temporality: "cumulative", unit: "s" } as const;
    check("weir.connect.duration", {}, { ...histogram, count: 30 });
    check("weir.connection.duration", {}, { ...histogram, count: 23 });
    check("weir.tcp.rtt", { observer: "client" }, { ...histogram });
    check("weir.tcp.rtt", { observer: "server" }, { ...histogram });
    for (const name of ["weir.connect.duration", "weir.connection.duration"]) {
      const point = newest(collector, name, port);
      const { bucketCounts = [], explicitBounds = [], count } = point ?? {};
      assert.equal(bucketCounts.length, explicitBounds.length + 1);
      assert.equal(
        bucketCounts.reduce((sum, bucket) => sum + bucket, 0),
        count,
      );
      assert.ok((point?.sum ?? -1) > 0 && (point?.sum ?? 99) < 10);
    }
    const failed = newest(collector, "weir.connections.failed", deadPort);
    assert.deepEqual(
      [failed?.value, failed?.unit, failed?.monotonic, failed?.temporality, failed?.attributes["reason"]],
      [5, "{connection}", true, "cumulative", "refused"],
    );
    // A series' start never moves, while its time does.
    const series = collector.metrics().filter((point) => {
      const { attributes: at } = point;
      return point.name === "weir.flow.io" && at["server.port"] === port && at["direction"] === "request";
    });
    assert.equal(new Set(series.map(({ startTimeUnixNano }) => startTimeUnixNano)).size, 1);
    assert.equal(new Set(series.map(({ timeUnixNano }) => timeUnixNano)).size, series.length);

    const info = collector.metrics().findLast(({ name }) => name === "weir.agent.info");
    assert.deepEqual(info?.attributes, { "weir.version": version, "weir.kernel": release(), "weir.node": "node-1" });
    assert.deepEqual([info?.type, info?.value], ["gauge", 1]);
    // The same names at both doors.
    const exposed = new Set(
      parseExposition(await agent.exposition()).map(({ name }) => name.replace(/_(bucket|sum|count)$/, "")),
    );
    const sent = new Set(collector.metrics().map(({ name }) => name));
    for (const name of sent) {
      const prefix = name.replaceAll(".", "_");
      assert.ok(
        [...exposed].some((candidate) => candidate.startsWith(prefix)),
        `${name} is not in /metrics`,
      );
    }
    assert.ok(sent.size >= 15);
  });

  test(`a real Collector gets every field of the spans of connections by ${protocol}`, { skip }, async (t) => {
    const collector = await collectorOf(t);
    const env = { OTEL_RESOURCE_ATTRIBUTES: "k8s.cluster.name=blue", OTEL_BSP_SCHEDULE_DELAY: "100" };
    const endpoint = protocol === "grpc" ? collector.grpcUrl : collector.httpUrl;
    const flags = ["--otlp.endpoint", endpoint, "--otlp.protocol", protocol, "--spans.closed"];
    const agent = await AgentProcess.startReady({ env, flags });
    t.after(() => agent.kill());
    const [client, server] = [new NamedPlace(t), new NamedPlace(t)];
    const [port, deadPort] = [await freePort("::"), await freePort()];
    const beforeNano = BigInt(Date.now()) * MS;
    await PeerServer.start(server, { port, read: 4553, respond: 1009 });
    await connectPeer(client, { to: "127.0.0.1", port, count: 3, send: 4553, expect: 1009 });
    await connectPeer(client, { to: "::1", port, count: 1, send: 4553, expect: 1009 });
    await connectPeer(client, { to: "127.0.0.1", port: deadPort, count: 2 });
    const of = (wanted: number) => collector.spans().filter(({ attributes }) => attributes["server.port"] === wanted);
    await waitUntil(() => of(port).length === 4 && of(deadPort).length === 2, { what: "six spans" });
    const afterNano = BigInt(Date.now()) * MS;

    for (const span of [...of(port), ...of(deadPort)]) {
      assert.equal(span.kind, "client");
      assert.deepEqual(span.resource, {
        "k8s.cluster.name": "blue",
        "k8s.node.name": hostname(),
        "service.name": client.label,
        "process.executable.name": client.label,
      });
      assert.deepEqual(span.scope, { name: "weir", version });
      assert.match(span.traceId, /^(?!0+$)[0-9a-f]{32}$/);
      assert.match(span.spanId, /^(?!0+$)[0-9a-f]{16}$/);
      assert.deepEqual([span.parentSpanId, span.traceState, span.events, span.links], ["", "", [], []]);
      assert.ok(span.startTimeUnixNano > beforeNano - 100n * MS, "it starts after the test began");
      assert.ok(span.endTimeUnixNano >= span.startTimeUnixNano && span.endTimeUnixNano < afterNano + 100n * MS);
    }
    const ids = [...of(port), ...of(deadPort)].map(({ traceId }) => traceId);
    assert.equal(new Set(ids).size, 6);

    // in no order: each CPU has a way of its own
    const good = of(port).find((span) => span.attributes["network.type"] === "ipv4");
    assert.ok(good);
    const {
      "client.port": clientPort,
      "weir.connect.duration": connect,
      "process.pid": owner,
      ...attributes
    } = good.attributes;
    assert.equal(good.name, "tcp connection");
    assert.deepEqual(good.status, { code: "unset", message: "" });
    assert.ok(Number(clientPort) > 1023 && Number(connect) > 0 && Number(connect) < 5);
    assert.ok(Number(owner) > 1);
    assert.deepEqual(attributes, {
      "network.transport": "tcp",
      "network.type": "ipv4",
      "client.address": "127.0.0.1",
      "server.address": "127.0.0.1",
      "server.port": port,
      "network.peer.address": "127.0.0.1",
      "network.peer.port": port,
      "weir.flow.request.size": 4553,
      "weir.flow.response.size": 1009,
      "weir.tcp.retransmits": 0,
      "client.k8s.workload.name": client.label,
      "client.k8s.workload.kind": "Process",
      "server.k8s.workload.name": server.label,
      "server.k8s.workload.kind": "Process",
      "process.executable.name": client.label,
      "peer.service": server.label,
    });
    const six = of(port).find((span) => span.attributes["network.type"] === "ipv6");
    assert.deepEqual([six?.attributes["client.address"], six?.attributes["server.address"]], ["::1", "::1"]);

    const [bad] = of(deadPort);
    assert.ok(bad);
    assert.equal(bad.name, "tcp connect");
    assert.deepEqual(bad.status, { code: "error", message: "connection failed: refused" });
    assert.equal(bad.attributes["error.type"], "refused");
    assert.equal(bad.attributes["weir.connect.duration"], undefined);
    assert.equal(bad.attributes["weir.flow.request.size"], 0);
    assert.equal((await agent.stop()).code, 0);
  });
}

test("without --spans.closed only failed connections have spans", { skip }, async (t) => {
  const collector = await collectorOf(t);
  const agent = await agentOf(t, collector, "grpc");
  const place = new NamedPlace(t);
  const [port, deadPort] = [await freePort(), await freePort()];
  const peer = await PeerServer.start(place, { port });
  await connectPeer(place, { to: "127.0.0.1", port, count: 23 });
  await connectPeer(place, { to: "127.0.0.1", port: deadPort, count: 5 });
  await peer.stop();
  await agent.waitForSum("weir_connections_closed_total", { client_workload: place.label }, 23);
  await agent.stop();
  await collector.halt();
  const mine = collector.spans().filter(({ resource }) => resource["service.name"] === place.label);
  assert.deepEqual(
    mine.map(({ attributes }) => attributes["server.port"]),
    [deadPort, deadPort, deadPort, deadPort, deadPort],
  );
});

test("deltas add up to the totals, each from where the one before ended", { skip }, async (t) => {
  const collector = await collectorOf(t);
  const agent = await agentOf(t, collector, "http/protobuf", "--otlp.temporality", "delta");
  const place = new NamedPlace(t);
  const port = await freePort();
  const peer = await PeerServer.start(place, { port });
  const io = () =>
    collector
      .metrics()
      .filter(
        ({ name, attributes: at }) =>
          name === "weir.flow.io" && at["server.port"] === port && at["direction"] === "request",
      );
  const sum = () => io().reduce((total, { value }) => total + (value ?? 0), 0);
  for (let round = 1; round <= 3; round++) {
    await connectPeer(place, { to: "127.0.0.1", port, count: 23, send: 1009, halfClose: true });
    await waitUntil(() => sum() === round * 23 * 1009, { what: `the deltas of round ${round}` });
  }
  await peer.stop();
  const points = io();
  assert.ok(points.length >= 3);
  for (const [index, point] of points.entries()) {
    assert.deepEqual([point.type, point.monotonic, point.temporality], ["sum", true, "delta"]);
    const before = points[index - 1];
    if (before !== undefined) assert.ok(point.startTimeUnixNano >= before.timeUnixNano, "intervals do not overlap");
  }
  // What goes up and down has no deltas.
  assert.equal(newest(collector, "weir.connections.active", port)?.temporality, "cumulative");
  await agent.stop();
});

for (const protocol of ["grpc", "http/protobuf"] as const) {
  test(`a Collector that was away has the right totals right afterwards: ${protocol}`, { skip }, async (t) => {
    const collector = await collectorOf(t);
    const agent = await agentOf(t, collector, protocol);
    const place = new NamedPlace(t);
    const port = await freePort();
    await PeerServer.start(place, { port });
    const traffic = () => connectPeer(place, { to: "127.0.0.1", port, count: 23, send: 1009, halfClose: true });
    const opened = () => newest(collector, "weir.connections.opened", port)?.value;
    await traffic();
    await waitUntil(() => opened() === 23, { what: "the first connections" });
    const begun = newest(collector, "weir.connections.opened", port)?.startTimeUnixNano;

    await collector.kill();
    const failures = () => agent.sum("weir_agent_export_batches_total", { signal: "metrics", outcome: "failed" });
    await traffic();
    await agent.waitUntil(async () => (await failures()) >= 1, { what: "an export to fail", deadlineMs: 30_000 });
    await agent.waitForSum("weir_connections_closed_total", { server_port: String(port) }, 2 * 23);
    assert.equal((await agent.get("/healthz")).status, 200);
    assert.equal((await agent.get("/readyz")).status, 200);

    await collector.restart();
    await waitUntil(() => opened() === 2 * 23, { what: "the totals to arrive", deadlineMs: 30_000 });
    await traffic();
    await waitUntil(() => opened() === 3 * 23, { what: "the totals to go on", deadlineMs: 30_000 });
    assert.equal(newest(collector, "weir.flow.io", port, "request")?.value, 3 * 23 * 1009);
    assert.equal(newest(collector, "weir.connections.opened", port)?.startTimeUnixNano, begun);
    const warnings = agent.log().filter(({ level }) => level >= 40);
    assert.ok(warnings.length >= 1 && warnings.length < 20, `it said ${warnings.length} times that exports failed`);
    assert.equal((await agent.stop()).code, 0);
  });
}

test("an agent whose Collector is away ends by SIGTERM in seconds with 0", { skip }, async (t) => {
  const collector = await collectorOf(t);
  const agent = await agentOf(t, collector, "grpc", "--spans.closed");
  await collector.kill();
  const place = new NamedPlace(t);
  const port = await freePort();
  const peer = await PeerServer.start(place, { port });
  await connectPeer(place, { to: "127.0.0.1", port, count: 23 });
  await peer.stop();
  const beganMs = performance.now();
  const { code, output } = await agent.stop();
  assert.equal(code, 0, output);
  assert.ok(performance.now() - beganMs < 10_000 * PATIENCE);
  assert.match(output, /the last values may not have arrived|OTLP/);
});

test("the Collector's service_graph makes the right edge of a connection's span", { skip }, async (t) => {
  const collector = await collectorOf(t, { connectors: true });
  const agent = await agentOf(t, collector, "grpc", "--spans.closed");
  const [client, server] = [new NamedPlace(t), new NamedPlace(t)];
  const port = await freePort();
  await PeerServer.start(server, { port });
  await connectPeer(client, { to: "127.0.0.1", port, count: 23 });
  await agent.waitForSum("weir_connections_closed_total", { client_workload: client.label }, 23);
  const edges = async () => {
    const text = await (await fetch(collector.prometheusUrl)).text();
    return parseExposition(text).filter(
      ({ name, labels }) =>
        name === "traces_service_graph_request_total" &&
        (labels["client"] === client.label || labels["server"] === server.label),
    );
  };
  // A client's span alone becomes an edge when its time is up: the server is its peer.service.
  let found: Awaited<ReturnType<typeof edges>> = [];
  const complete = async () => {
    found = await edges();
    return found.reduce((sum, { value }) => sum + value, 0) >= 23;
  };
  await waitUntil(complete, { what: "the edge's 23 requests", deadlineMs: 30_000, intervalMs: 200 });
  assert.deepEqual(
    found.map(({ labels, value }) => [labels["client"], labels["server"], value]),
    [[client.label, server.label, 23]],
  );
});
