/**
 * What the agent's own code takes for a short connection: real records of connections over loopback, both halves of each,
 * as the kernel handed them over, counted again and again.
 *
 * Times are the thread's CPU time, of rounds that each count the whole recording. On a machine that others share compare the
 * best rounds: the others show also what others took from the caches.
 * Needs root. Run: node --max-semi-space-size=2 test/bench/flow-counter.bench.ts [connections] [rounds]
 */
import { setTimeout as delay } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import { EdgeTable } from "../../src/flows/edge-table.ts";
import { FlowCounter } from "../../src/flows/flow-counter.ts";
import { Resolver } from "../../src/identity/resolver.ts";
import { loadAddon } from "../../src/kernel/addon.ts";
import { TcpMonitor } from "../../src/kernel/tcp-monitor.ts";
import { TcpRecords } from "../../src/kernel/tcp-records.ts";
import { connectPeer, PeerServer } from "../lab/peer.ts";
import { freePort } from "../rig/free-port.ts";
import { here } from "./here.ts";
import { median } from "./median.ts";

const CONNECTIONS = Number(process.argv[2] ?? 20_000);
const ROUNDS = Number(process.argv[3] ?? 100);
const COLLECT_MS = 200;

const monitor = await TcpMonitor.open(loadAddon(), { maxConnections: 131_072, ringBytes: 2 ** 24 });
const resolver = new Resolver({ hostName: "node-1", cluster: false });
await resolver.start();
const edges = new EdgeTable({ maxEdges: 2_000, idleExpiryMs: 900_000 });
const counter = new FlowCounter({
  layout: monitor.layout,
  identity: resolver,
  edges,
  allConnections: false,
  skippedRuns: () => 0,
  clock: { unixMs: Date.now, monotonicNs: () => Number(process.hrtime.bigint()) },
});

counter.countSurvey(await monitor.survey());
const batches = await record();
monitor.close();

const nanoseconds: number[] = [];
const bytes: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const allocated = allocatedBytes();
  const began = process.threadCpuUsage();
  for (const batch of batches) counter.count(batch, "none");
  const { user, system } = process.threadCpuUsage(began);
  nanoseconds.push(((user + system) * 1000) / CONNECTIONS);
  bytes.push((allocatedBytes() - allocated) / CONNECTIONS);
}
const ns = (nanoseconds: number) => `${nanoseconds.toFixed(0)} ns`;
const [first = Number.NaN] = nanoseconds;
const warm = nanoseconds.slice(ROUNDS / 2);
console.log(
  `a connection takes ${ns(median(warm))} once warm, ${ns(Math.min(...warm))} in the best round, ${ns(first)} in the first; ` +
    `${median(bytes.slice(ROUNDS / 2)).toFixed(1)} B allocated`,
);
await resolver.shutdown();

/** A batch is read until the next one is taken. */
function copyOf(batch: TcpRecords): TcpRecords {
  const copy = new TcpRecords(monitor.layout, new ArrayBuffer(batch.length * monitor.layout.recordBytes));
  for (let index = 0; index < batch.length; index++) batch.copyTo(index, copy, index);
  return copy;
}

function allocatedBytes(): number {
  return getHeapStatistics().total_allocated_bytes;
}

/** The records of `CONNECTIONS` connections, in batches as the agent would get them. */
async function record(): Promise<TcpRecords[]> {
  const place = await here();
  const port = await freePort();
  const server = await PeerServer.start(place, { port, read: 64, respond: 64 });
  const recorded: TcpRecords[] = [];
  let isDone = false;
  const load = connectPeer(place, {
    to: "127.0.0.1",
    port,
    count: CONNECTIONS,
    concurrency: 32,
    send: 64,
    expect: 64,
    source: "127.1.0.1+8",
  }).finally(() => {
    isDone = true;
  });
  for (let isLast = false; !isLast; ) {
    await delay(COLLECT_MS);
    isLast = isDone;
    recorded.push(copyOf(await monitor.collect("none")));
  }
  await load;
  await server.stop();
  return recorded;
}
