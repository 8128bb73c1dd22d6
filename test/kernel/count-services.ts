// Run inside of a node's network namespace: counts connections as its agent would, without the sockets of `far`, another node's, and
// prints the edges when it is told to end. Arguments as JSON: inode numbers of namespaces.
import { once } from "node:events";
import { EdgeTable } from "../../src/flows/edge-table.ts";
import { FlowCounter } from "../../src/flows/flow-counter.ts";
import { FlowLoop } from "../../src/flows/flow-loop.ts";
import type { AddressWords, Endpoint, Identity, RemoteAnswer, ServiceRef } from "../../src/identity/endpoint.ts";
import { formatAddress } from "../../src/identity/format-address.ts";
import { loadAddon, type Sweep } from "../../src/kernel/addon.ts";
import { Conntrack } from "../../src/kernel/conntrack.ts";
import { TcpMonitor } from "../../src/kernel/tcp-monitor.ts";
import { TcpRecords } from "../../src/kernel/tcp-records.ts";
import { NAT_ADDRESSES } from "./nat-host.ts";

const { client, node, withConntrack } = JSON.parse(process.argv[2] ?? "") as Record<string, number>;
const endpoint = (kind: string, workload: string): Endpoint => ({ kind, namespace: "", workload });
const CLIENT = endpoint("Pod", "client");
const NODE = endpoint("Node", "node");
const FAR = endpoint("Pod", "far");
const NOBODY = endpoint("Unknown", "nobody");
const SERVICE: ServiceRef = { namespace: "", name: "service" };
const isOneOf = (text: string, { v4, v6 }: { v4: string; v6: string }) => text === v4 || text === v6;

const identity: Identity = {
  version: 1,
  unknown: NOBODY,
  pending: endpoint("Unknown", "pending"),
  local: ({ netns }) => (netns === client ? CLIENT : NODE),
  remote(address: AddressWords, port: number): RemoteAnswer {
    const isService = isOneOf(formatAddress(address), NAT_ADDRESSES.service);
    if (!isService) return this.backend(address, port, undefined, 0);
    return { endpoint: undefined, service: SERVICE, maybeHere: true, counted: "here" };
  },
  backend(address) {
    const isFar = isOneOf(formatAddress(address), NAT_ADDRESSES.backend);
    return { endpoint: isFar ? FAR : NOBODY, service: undefined, maybeHere: false, counted: "here" };
  },
};

const addon = loadAddon();
const monitor = await TcpMonitor.open(addon, { maxConnections: 65_536, ringBytes: 16 << 20 });
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const conntrack = withConntrack ? Conntrack.open(addon, { maxPerSecond: 5000, nowMs }) : undefined;
const edges = new EdgeTable({ maxEdges: 1000, idleExpiryMs: 900_000 });
const counter = new FlowCounter({
  layout: monitor.layout,
  identity,
  edges,
  allConnections: false,
  skippedRuns: () => monitor.skippedRuns(),
  conntrack,
  onError: (error) => console.error(error),
  clock: { unixMs: Date.now, monotonicNs: () => Number(process.hrtime.bigint()) },
});

/** What a node's own filter leaves: sockets of its pods and of itself. */
function ownOf(records: TcpRecords): TcpRecords {
  const own = Array.from({ length: records.length }, (_, index) => index).filter(
    (index) => records.netns(index) === client || records.netns(index) === node,
  );
  const kept = new TcpRecords(monitor.layout, new ArrayBuffer(own.length * monitor.layout.recordBytes));
  for (const [to, from] of own.entries()) records.copyTo(from, kept, to);
  return kept;
}

const loop = new FlowLoop({
  monitor: { collect: async (sweep: Sweep) => ownOf(await monitor.collect(sweep)) } as TcpMonitor,
  counter,
  drainIntervalMs: 50,
  sweepIntervalMs: 1000,
  pressingRecords: 10_000,
  nowMs,
  onError: (error) => console.error(error),
});
counter.countSurvey(ownOf(await monitor.survey()));
loop.start();
console.log("counting");
await once(process, "SIGTERM");
await loop.shutdown();
const seen: Record<string, number> = {};
for (const family of [edges.metrics.closed, edges.metrics.failed, edges.metrics.io]) {
  for (let slot = 0; slot < family.slots; slot++) {
    if (family.generation(slot) === 0 || family.value(slot) === 0) continue;
    const [, from, , , to, , service, port, , variant = ""] = family.attributes(slot);
    seen[`${family.name} ${from}>${to}/${service}:${port} ${variant}`.trim()] = family.value(slot);
  }
}
console.log(`edges ${JSON.stringify({ seen, lookups: conntrack?.stats(), waiting: counter.waiting })}`);
monitor.close();
conntrack?.close();
