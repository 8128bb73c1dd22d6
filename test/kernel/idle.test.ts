import assert from "node:assert/strict";
import { test } from "node:test";
import { EdgeTable } from "../../src/flows/edge-table.ts";
import { FlowCounter } from "../../src/flows/flow-counter.ts";
import { Resolver } from "../../src/identity/resolver.ts";
import { loadAddon, type Sweep } from "../../src/kernel/addon.ts";
import { TcpMonitor } from "../../src/kernel/tcp-monitor.ts";
import { PeerClient, type PeerPlace, PeerServer } from "../lab/peer.ts";
import { Program } from "../lab/program.ts";
import { freePort } from "../rig/free-port.ts";

const OLDER = 5;
const NEWER = 7;
/** There is one every three minutes. */
const FULL_SWEEPS = 20;

test("connections that stay idle for an hour stay open, and are counted once", async (context) => {
  const place: PeerPlace = { start: (argv, options) => Program.start(argv, options) };
  const port = await freePort();
  const server = await PeerServer.start(place, { port, read: 23, respond: 41 });
  context.after(() => server.stop());
  const hold = async (count: number) => {
    const client = await PeerClient.start(place, { to: "127.0.0.1", port, count, send: 23, expect: 41, hold: true });
    context.after(() => client.stop());
    await client.holding();
    return client;
  };
  const older = await hold(OLDER);
  const monitor = await TcpMonitor.open(loadAddon(), { maxConnections: 1000, ringBytes: 1 << 20 });
  context.after(() => monitor.close());
  const resolver = new Resolver({ hostName: "node-1", cluster: false });
  await resolver.start();
  context.after(() => resolver.shutdown());
  const edges = new EdgeTable({ maxEdges: 1000, idleExpiryMs: 900_000 });
  const counter = new FlowCounter({
    layout: monitor.layout,
    identity: resolver,
    edges,
    allConnections: false,
    skippedRuns: () => monitor.skippedRuns(),
    clock: { unixMs: Date.now, monotonicNs: () => Number(process.hrtime.bigint()) },
  });
  counter.countSurvey(await monitor.survey());

  const newer = await hold(NEWER);
  const clients = [older, newer];
  const sweep = async (which: Sweep, times: number) => {
    for (let each = 0; each < times; each++) counter.count(await monitor.collect(which), which);
  };
  const counts = () => {
    const sums = { opened: 0, closed: 0, active: 0 };
    edges.forEach((index, { serverPort }) => {
      if (serverPort !== port) return;
      sums.opened += edges.metrics.opened.value(index);
      sums.closed += edges.metrics.closed.value(index);
      sums.active += edges.metrics.active.value(index);
    });
    return sums;
  };
  await sweep("changed", 3);
  const open = { opened: NEWER, closed: 0, active: OLDER + NEWER };
  assert.deepEqual(counts(), open);
  await sweep("all", FULL_SWEEPS);
  assert.deepEqual(counts(), open);
  for (const client of clients) await client.nextRound();
  await sweep("changed", 3);
  assert.deepEqual(counts(), open);
  for (const client of clients) await client.stop();
  await sweep("changed", 3);
  assert.deepEqual(counts(), { opened: NEWER, closed: OLDER + NEWER, active: 0 });
  assert.deepEqual([...monitor.lost().values()], [0, 0, 0]);
});
