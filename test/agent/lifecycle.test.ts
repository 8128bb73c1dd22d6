import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connectPeer, PeerClient, PeerServer } from "../lab/peer.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { Collector } from "../rig/collector.ts";
import { freePort } from "../rig/free-port.ts";
import { PATIENCE } from "../rig/slowness.ts";
import { skipWithout } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { bpfObjectsOf, stillInKernel } from "./bpf-objects.ts";
import { NamedPlace } from "./named-place.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const OPENED = "weir_connections_opened_total";
const CLOSED = "weir_connections_closed_total";
const ACTIVE = "weir_connections_active";
const IO = "weir_flow_io_bytes_total";
/** Sweeps often, so that live connections show up soon. */
const BRISK = ["--flows.sweep-interval", "250ms"];
/** Drains seldom, so that much has happened when it does. With room for whatever else goes on here meanwhile. */
const LAZY = ["--flows.drain-interval", "2s", "--flows.ring-size", "64MiB"];

async function start(t: TestContext, options: Parameters<typeof AgentProcess.start>[0] = {}): Promise<AgentProcess> {
  const agent = await AgentProcess.startReady(options);
  t.after(() => agent.kill());
  return agent;
}

/** A shell that starts the agent in its own place, as `npm start` does. */
const SHELL = ["bash", "-c", `exec "${process.execPath}" "${MAIN}" "$@"`, "bash"] as const;

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  for (const [how, command] of [
    ["", undefined],
    [" started by a shell", SHELL],
  ] as const) {
    test(`an agent${how} ends by ${signal} with 0, and leaves nothing attached`, async (t) => {
      const agent = await start(t, command === undefined ? {} : { command });
      const objects = bpfObjectsOf(agent.pid);
      assert.ok(objects.prog.length >= 3, `programs: ${objects.prog}`);
      assert.ok(objects.link.length >= 1, `links: ${objects.link}`);
      assert.ok(objects.map.length >= 3, `maps: ${objects.map}`);
      assert.equal(
        (await stillInKernel(objects)).length,
        objects.prog.length + objects.link.length + objects.map.length,
      );
      const { code, signal: killedBy } = await agent.stop(signal);
      assert.deepEqual([code, killedBy], [0, null]);
      // The kernel frees programs a moment after their last holder went.
      await waitUntil(async () => (await stillInKernel(objects)).length === 0, {
        what: "the kernel to free everything",
      });
    });
  }
}

test("an agent that SIGTERM ends under load flushes its last counts and spans, in seconds, with 0", {
  skip: skipWithout("collector"),
}, async (t) => {
  const collector = await Collector.start();
  t.after(() => collector.stop());
  // No interval comes by itself: what arrives was flushed.
  const otlp = ["--otlp.endpoint", collector.grpcUrl, "--otlp.protocol", "grpc", "--otlp.interval", "1h"];
  const agent = await start(t, { flags: [...otlp, "--spans.closed"] });
  const objects = bpfObjectsOf(agent.pid);

  const [loaded, measured] = [new NamedPlace(t), new NamedPlace(t)];
  const [loadPort, port] = [await freePort(), await freePort()];
  await PeerServer.start(loaded, { port: loadPort });
  const load = await PeerClient.start(loaded, { to: "127.0.0.1", port: loadPort, count: 1e9, ratePerSecond: 1000 });
  await waitUntil(async () => (await agent.sum(CLOSED, { server_port: String(loadPort) })) > 500, { what: "load" });

  const server = await PeerServer.start(measured, { port });
  await connectPeer(measured, { to: "127.0.0.1", port, count: 23, send: 4553, halfClose: true });
  await server.stop();
  const beganMs = performance.now();
  const { code, output } = await agent.stop();
  const tookMs = performance.now() - beganMs;
  assert.equal(code, 0, output);
  assert.ok(tookMs < 5_000 * PATIENCE, `it took ${tookMs} ms`);
  await waitUntil(async () => (await stillInKernel(objects)).length === 0, { what: "the kernel to free everything" });
  assert.equal(load.program.running, true);

  await collector.halt();
  const mine = collector.metrics().filter(({ attributes }) => attributes["server.port"] === port);
  const value = (name: string, direction?: string) =>
    mine.find((point) => point.name === name && point.attributes["direction"] === direction)?.value;
  assert.equal(value("weir.connections.opened"), 23);
  assert.equal(value("weir.connections.closed"), 23);
  assert.equal(value("weir.flow.io", "request"), 23 * 4553);
  const spans = collector.spans();
  assert.equal(spans.filter(({ attributes }) => attributes["server.port"] === port).length, 23);

  // Of the load, what was counted as closed and what was told as spans is the same.
  const loadClosed = collector
    .metrics()
    .find(({ name, attributes }) => name === "weir.connections.closed" && attributes["server.port"] === loadPort);
  const loadSpans = spans.filter(({ attributes }) => attributes["server.port"] === loadPort);
  assert.equal(loadSpans.length, loadClosed?.value);
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length);
});

test("an agent after a killed one finds nothing left, counts anew, and older connections from where they are", async (t) => {
  const [client, server] = [new NamedPlace(t), new NamedPlace(t)];
  const port = await freePort();
  const edge = { server_port: String(port) };
  const request = { ...edge, direction: "request" };
  const response = { ...edge, direction: "response" };
  await PeerServer.start(server, { port, read: 7919, respond: 1009, close: "hold" });
  const connections = { to: "127.0.0.1", port, count: 23, send: 7919, expect: 1009 };

  const first = await start(t, { flags: BRISK });
  const held = await PeerClient.start(client, { ...connections, hold: true });
  await held.holding();
  await first.waitForSum(IO, request, 23 * 7919);
  await first.waitForSum(OPENED, edge, 23);
  const objects = bpfObjectsOf(first.pid);
  assert.equal((await first.kill()).signal, "SIGKILL");
  await waitUntil(async () => (await stillInKernel(objects)).length === 0, { what: "the kernel to free everything" });
  // Nobody is there to see this.
  await held.nextRound();

  const second = await start(t, { flags: BRISK });
  await second.waitForSum(ACTIVE, edge, 23);
  assert.deepEqual([await second.sum(IO, edge), await second.sum(OPENED, edge)], [0, 0]);
  await held.nextRound();
  await second.waitForSum(IO, request, 23 * 7919);
  assert.equal(await second.sum(IO, response), 23 * 1009);
  const young = new NamedPlace(t);
  await connectPeer(young, { ...connections, count: 5 });
  await second.waitForSum(CLOSED, edge, 5);

  await held.nextRound();
  await held.stop();
  await second.waitForSum(CLOSED, edge, 23 + 5);
  const ofOlder = { ...edge, client_workload: client.label, server_workload: server.label };
  assert.equal(await second.sum(IO, { ...ofOlder, direction: "request" }), 2 * 23 * 7919);
  assert.equal(await second.sum(IO, { ...ofOlder, direction: "response" }), 2 * 23 * 1009);
  assert.equal(await second.sum(CLOSED, ofOlder), 23);
  assert.equal(await second.sum(OPENED, ofOlder), 0);
  assert.equal(await second.sum(OPENED, edge), 5);
  assert.equal(await second.sum(ACTIVE, edge), 0);
  // One edge for the older ones, one for the others, and each only in its own direction.
  assert.equal((await second.metrics(CLOSED, edge)).length, 2);
  assert.equal(
    (await second.metrics(CLOSED)).filter(({ labels }) => labels["client_workload"] === server.label).length,
    0,
  );
  assert.equal((await second.stop()).code, 0);
});

for (const [what, addresses] of [
  ["IPv4", { bind: "127.0.0.1", to: "127.0.0.1" }],
  ["IPv6", { bind: "::1", to: "::1" }],
  ["IPv4 at a socket that listens on ::", { bind: "::", to: "127.0.0.1" }],
] as const) {
  test(`a connection older than the agent has its role, its processes and exact deltas: ${what}`, async (t) => {
    const [client, server] = [new NamedPlace(t), new NamedPlace(t)];
    const port = await freePort();
    await PeerServer.start(server, {
      port,
      bind: addresses.bind,
      read: 104_729,
      respond: 1009,
      close: "hold",
    });
    const held = await PeerClient.start(client, { to: addresses.to, port, send: 104_729, expect: 1009, hold: true });
    await held.holding();
    const agent = await start(t, { flags: BRISK });
    await held.nextRound();
    await held.nextRound();
    const edge = {
      client_workload: client.label,
      client_kind: "Process",
      server_workload: server.label,
      server_kind: "Process",
      server_port: String(port),
    };
    await agent.waitForSum(IO, { ...edge, direction: "request" }, 2 * 104_729);
    assert.equal(await agent.sum(IO, { ...edge, direction: "response" }), 2 * 1009);
    assert.equal(await agent.sum(ACTIVE, edge), 1);
    await held.stop();
    await agent.waitForSum(CLOSED, edge, 1);
    assert.equal(await agent.sum(IO, { server_port: String(port) }), 2 * (104_729 + 1009));
    assert.equal(await agent.sum(OPENED, edge), 0);
    assert.equal(await agent.sum(ACTIVE, edge), 0);
    assert.deepEqual(await peers(agent, client, server), [`${client.label} > ${server.label}:${port}`]);
  });
}

test("a server that is killed with connections open keeps its name and its role", async (t) => {
  const [client, server] = [new NamedPlace(t), new NamedPlace(t)];
  const port = await freePort();
  const agent = await start(t, { flags: LAZY });
  const peer = await PeerServer.start(server, { port, read: 1009, respond: 1013, close: "hold" });
  const held = await PeerClient.start(client, {
    to: "127.0.0.1",
    port,
    count: 23,
    send: 1009,
    expect: 1013,
    hold: true,
  });
  await held.holding();
  peer.program.signal("SIGKILL");
  await peer.program.exited;
  await held.stop();
  await agent.waitForSum(CLOSED, { server_port: String(port) }, 23);
  assert.deepEqual(await peers(agent, client, server), [`${client.label} > ${server.label}:${port}`]);
  assert.equal(await agent.sum(IO, { server_port: String(port), direction: "request" }), 23 * 1009);
  assert.equal(await agent.sum(IO, { server_port: String(port), direction: "response" }), 23 * 1013);
});

for (const [what, flags] of [
  ["before its connection is drained", LAZY],
  ["and listens anew at each sweep", ["--flows.drain-interval", "100ms", "--flows.sweep-interval", "100ms"]],
] as const) {
  test(`a server that accepts once keeps its name although it stops listening ${what}`, async (t) => {
    const [client, server] = [new NamedPlace(t), new NamedPlace(t)];
    const agent = await start(t, { flags });
    const ports = new Set<string>();
    for (let round = 0; round < 7; round++) {
      const port = await freePort();
      ports.add(String(port));
      const once = server.start(["busybox", "nc", "-l", "-p", String(port)]);
      await once.waitForListener(port);
      await connectPeer(client, { to: "127.0.0.1", port, send: 1009, halfClose: true });
      assert.equal((await once.exited).stdout.length, 1009);
    }
    await agent.waitForSum(CLOSED, { client_workload: client.label }, 7);
    const expected = [...ports].map((port) => `${client.label} > ${server.label}:${port}`);
    assert.deepEqual((await peers(agent, client, server)).sort(), expected.sort());
    assert.equal(await agent.sum(IO, { client_workload: client.label, direction: "request" }), 7 * 1009);
  });
}

test("a listener that ended on one address does not stand for one that goes on at all of them", async (t) => {
  const [client, brief, server] = [new NamedPlace(t), new NamedPlace(t), new NamedPlace(t)];
  // Everything comes in one batch, live connections first.
  const agent = await start(t, { flags: [...LAZY, "--flows.sweep-interval", "2s"] });
  const port = await freePort("::");
  const first = await PeerServer.start(brief, { port, bind: "127.0.0.1" });
  await first.stop();
  const peer = await PeerServer.start(server, { port, bind: "::" });
  const held = await PeerClient.start(client, { to: "127.0.0.1", port, count: 23, hold: true });
  await agent.waitForSum(ACTIVE, { server_port: String(port) }, 23);
  await held.stop();
  await peer.stop();
  await agent.waitForSum(CLOSED, { server_port: String(port) }, 23);
  assert.deepEqual(await peers(agent, client), [`${client.label} > ${server.label}:${port}`]);
});

/** Every edge that has one of these workloads at either end. */
async function peers(agent: AgentProcess, ...places: readonly NamedPlace[]): Promise<string[]> {
  const labels = new Set<string | undefined>(places.map(({ label }) => label));
  return (await agent.metrics(CLOSED))
    .filter(({ labels: at }) => labels.has(at["client_workload"]) || labels.has(at["server_workload"]))
    .map(({ labels: at }) => `${at["client_workload"]} > ${at["server_workload"]}:${at["server_port"]}`);
}
