import assert from "node:assert/strict";
import { test } from "node:test";
import { connectPeer, PeerClient, PeerServer } from "../lab/peer.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { freePort } from "../rig/free-port.ts";
import { Prometheus } from "../rig/prometheus.ts";
import { checkMetrics } from "../rig/promtool.ts";
import { skipWithout } from "../rig/tools.ts";
import { NamedPlace } from "./named-place.ts";
import { cgroupDirectory } from "./pod-place.ts";

const skip = skipWithout("prometheus");

/** Names of processes, and what their labels must be. Several differ only in what a careless writer would lose or confuse. */
const NAMES: readonly [name: string | Buffer, label: string][] = [
  ['a"b', 'a"b'],
  ["a\\b", "a\\b"],
  ["a\\", "a\\"],
  ["a\nb", "a‹U+000A›b"],
  ["a\\nb", "a\\nb"],
  ["a\rb", "a‹U+000D›b"],
  ["a\tb", "a‹U+0009›b"],
  ["a,b:c", "a,b:c"],
  ["a,b", "a,b"],
  ["a:b", "a:b"],
  ["a=b", "a=b"],
  ['a{x="1"}', 'a{x="1"}'],
  ['",x="', '",x="'],
  ["# HELP a b", "# HELP a b"],
  [Buffer.from("61ff", "hex"), "a‹xFF›"],
  [Buffer.from("61fe", "hex"), "a‹xFE›"],
  [Buffer.from("61e282", "hex"), "a‹xE2›‹x82›"],
  ["a€", "a€"],
  ["a\ufffd", "a‹U+FFFD›"],
  ["\ufeffa", "‹U+FEFF›a"],
  ["a\x1b[31m", "a‹U+001B›[31m"],
  ["a\x01", "a‹U+0001›"],
  ["a\x7f", "a‹U+007F›"],
  ["a\u202eb", "a‹U+202E›b"],
  ["a\u200bb", "a‹U+200B›b"],
  ["a ", "a "],
  ["a", "a"],
  ["‹U+000A›", "‹U+2039›U+000A›"],
  ["日本語日本", "日本語日本"],
];
/** The n-th name makes the n-th of these connections. */
const PRIMES = [
  2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
];
const TOTAL = PRIMES.slice(0, NAMES.length).reduce((sum, count) => sum + count, 0);
const BYTES = 1009;

test("process names of any bytes keep series distinct, sums exact and the exposition valid", { skip }, async (t) => {
  const agent = await AgentProcess.startReady();
  t.after(() => agent.kill());
  const prometheus = await Prometheus.start({ targets: [agent.address] });
  t.after(() => prometheus.stop());

  // Every name as a client of one server, and as a server of one client.
  const plain = new NamedPlace(t);
  const clientsPort = await freePort();
  const server = await PeerServer.start(plain, { port: clientsPort });
  const labelOfPort = new Map<string, string>();
  for (const [index, [name, label]] of NAMES.entries()) {
    const hostile = new NamedPlace(t, name);
    const count = PRIMES[index] ?? 0;
    await connectPeer(hostile, { to: "127.0.0.1", port: clientsPort, count, send: BYTES, halfClose: true });
    const port = await freePort();
    const hostileServer = await PeerServer.start(hostile, { port });
    await connectPeer(plain, { to: "127.0.0.1", port, count, send: BYTES, halfClose: true });
    await hostileServer.stop();
    labelOfPort.set(String(port), label);
  }
  assert.equal((await server.stop()).opened, TOTAL);

  const closed = "weir_connections_closed_total";
  const asServers = { client_workload: plain.label };
  await agent.waitForSum(closed, { server_port: String(clientsPort) }, TOTAL);
  await agent.waitForSum(closed, asServers, TOTAL);
  const clients = await agent.metrics(closed, { server_port: String(clientsPort) });
  assert.deepEqual(
    clients.map(({ labels, value }) => [labels["client_workload"], value]).sort(byLabel),
    NAMES.map(([, label], index) => [label, PRIMES[index]]).sort(byLabel),
  );
  const servers = await agent.metrics(closed, asServers);
  assert.equal(servers.length, NAMES.length);
  for (const { labels } of servers) {
    assert.equal(labels["server_workload"], labelOfPort.get(labels["server_port"] ?? ""));
    assert.equal(labels["server_kind"], "Process");
  }
  const requests = { direction: "request" };
  assert.equal(await agent.sum("weir_flow_io_bytes_total", { ...requests, ...asServers }), TOTAL * BYTES);

  assert.deepEqual(await checkMetrics(await agent.exposition()), []);
  const scrapedAt = await prometheus.scraped();
  assert.equal(await prometheus.value(`sum(${closed}{server_port="${clientsPort}"})`, scrapedAt), TOTAL);
  const seen = await prometheus.query(`${closed}{server_port="${clientsPort}"}`, scrapedAt);
  assert.deepEqual(
    seen.map(({ labels, value }) => [labels["client_workload"], value]).sort(byLabel),
    clients.map(({ labels, value }) => [labels["client_workload"], value]).sort(byLabel),
  );
  assert.equal((await agent.stop()).code, 0);
});

/** Directories of cgroups, and what lives in them as the agent should show it. The kernel itself refuses line breaks. */
const CGROUPS: readonly [name: string | Buffer, kind: string, label: string][] = [
  ['weir"q,u:o=te{}.service', "Unit", 'weir"q,u:o=te{}.service'],
  ["weir\\n.service", "Unit", "weir\\n.service"],
  ["weir\t\x1b[1m.service", "Unit", "weir‹U+0009›‹U+001B›[1m.service"],
  [
    Buffer.concat([Buffer.from("weir"), Buffer.from("ff", "hex"), Buffer.from(".service")]),
    "Unit",
    "weir‹xFF›.service",
  ],
  [
    Buffer.concat([Buffer.from("weir"), Buffer.from("fe", "hex"), Buffer.from(".service")]),
    "Unit",
    "weir‹xFE›.service",
  ],
  ['machine-weir"\x7f.scope', "Container", 'weir"‹U+007F›'],
  [Buffer.from("machine-weir\xe2\x82.scope", "latin1"), "Container", "weir‹xE2›‹x82›"],
  ["weir(deleted).service", "Unit", "weir(deleted).service"],
];

test("cgroup directories of any bytes keep series distinct, sums exact and the exposition valid", {
  skip,
}, async (t) => {
  const directories = await Promise.all(CGROUPS.map(([name]) => cgroupDirectory(t, name)));
  const agent = await AgentProcess.startReady({ flags: ["--flows.sweep-interval", "500ms"] });
  t.after(() => agent.kill());
  const port = await freePort();
  const server = await PeerServer.start(new NamedPlace(t), { port });
  for (const [index, directory] of directories.entries()) {
    const place = new NamedPlace(t, undefined, directory);
    await connectPeer(place, { to: "127.0.0.1", port, count: PRIMES[index] ?? 0, send: BYTES, halfClose: true });
  }
  const late = new NamedPlace(t, undefined, await cgroupDirectory(t, "weir-late.service"));
  const lateClient = await PeerClient.start(late, { to: "127.0.0.1", port, count: 113, send: BYTES, hold: true });
  const closed = "weir_connections_closed_total";
  const mine = { server_port: String(port) };
  // A process that lives can be asked for its cgroup, one that came and went between two looks at the tree cannot.
  await agent.waitForSum("weir_connections_active", mine, 113);
  await lateClient.stop();
  await server.stop();

  const total = PRIMES.slice(0, CGROUPS.length).reduce((sum, count) => sum + count, 113);
  await agent.waitForSum(closed, mine, total);
  const clients = await agent.metrics(closed, mine);
  assert.deepEqual(
    clients.map(({ labels, value }) => [labels["client_workload"], labels["client_kind"], value]).sort(byLabel),
    [...CGROUPS.map(([, kind, label], index) => [label, kind, PRIMES[index]]), ["weir-late.service", "Unit", 113]].sort(
      byLabel,
    ),
  );
  assert.equal(await agent.sum("weir_flow_io_bytes_total", { ...mine, direction: "request" }), total * BYTES);
  assert.deepEqual(await checkMetrics(await agent.exposition()), []);
});

test("servers on one port of two addresses are told apart", async (t) => {
  const agent = await AgentProcess.startReady();
  t.after(() => agent.kill());
  const client = new NamedPlace(t);
  const port = await freePort("0.0.0.0");
  const servers: { place: NamedPlace; count: number; peer: PeerServer }[] = [];
  for (const [bind, count] of [
    ["127.0.0.2", 23],
    ["127.0.0.3", 29],
    ["::1", 31],
  ] as const) {
    const place = new NamedPlace(t);
    servers.push({ place, count, peer: await PeerServer.start(place, { port, bind }) });
    await connectPeer(client, { to: bind, port, count });
  }
  await agent.waitForSum("weir_connections_closed_total", { client_workload: client.label }, 23 + 29 + 31);
  for (const { place, count, peer } of servers) {
    const edge = { client_workload: client.label, server_workload: place.label, server_port: String(port) };
    assert.equal(await agent.sum("weir_connections_closed_total", edge), count);
    await peer.stop();
  }
});

function byLabel(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}
