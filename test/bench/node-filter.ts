import { randomBytes } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Addon, loadAddon, type NodeBounds } from "../../src/kernel/addon.ts";
import { TcpMonitor } from "../../src/kernel/tcp-monitor.ts";
import { CgroupTree, cgroupMount } from "../lab/cgroup-tree.ts";
import { connectPeer, PeerServer } from "../lab/peer.ts";
import { Place } from "../lab/place.ts";
import { freePort } from "../rig/free-port.ts";
import type { BenchOptions, Reading } from "./bench.ts";
import { median, range } from "./median.ts";

const CONNECTIONS = 20_000;
const ROUNDS = 15;
const QUICK_ROUNDS = 5;
/** Both sockets of a connection are looked at once. */
const LOOKS = 2;
const NO_NETNS = 1;

/** What it costs to keep to one of several nodes on a kernel: BPF time per socket with and without the filter, in turns. */
export async function nodeFilter({ quick }: BenchOptions): Promise<Reading[]> {
  const addon = loadAddon();
  const root = join(await cgroupMount(), `weir-bench-${randomBytes(4).toString("hex")}`);
  const tree = await CgroupTree.find();
  const [node, other] = [await newCgroup(`${root}/node/pod`), await newCgroup(`${root}/other`)];
  const place = new Place("/proc/self/ns/net", node);
  const port = await freePort();
  const server = await PeerServer.start(place, { port, read: 64, respond: 64 });
  addon.measureRunTime(true);
  try {
    const netns = Number((await stat("/proc/self/ns/net")).ino);
    const scopes: Readonly<Record<string, NodeBounds | undefined>> = {
      whole: undefined,
      network: { cgroupId: await idOf(other), level: 2, netns },
      cgroup: { cgroupId: await idOf(join(root, "node")), level: 2, netns: NO_NETNS },
      elsewhere: { cgroupId: await idOf(other), level: 2, netns: NO_NETNS },
    };
    const ns: Record<string, number[]> = {};
    for (let round = -1; round < (quick ? QUICK_ROUNDS : ROUNDS); round++) {
      for (const [scope, bounds] of Object.entries(scopes)) {
        const taken = await runTimeNs(addon, bounds, () =>
          connectPeer(place, {
            to: "127.0.0.1",
            port,
            count: CONNECTIONS,
            concurrency: 1,
            send: 64,
            expect: 64,
            source: "127.1.0.1+8",
          }),
        );
        if (round >= 0) ns[scope] = [...(ns[scope] ?? []), taken / CONNECTIONS / LOOKS];
      }
    }
    // each turn is compared with the one of the same round: the machine drifts
    const added = (scope: string) => (ns[scope] ?? []).map((value, round) => value - ((ns["whole"] ?? [])[round] ?? 0));
    const reading = (what: string, values: readonly number[]): Reading => ({
      what,
      value: median(values),
      unit: "ns",
      beside: `rounds ${range(values, 0)}`,
    });
    return [
      reading("BPF time per socket, the whole host measured", ns["whole"] ?? []),
      reading("added for a socket in the node's own network", added("network")),
      reading("added for a socket in one of the node's cgroups", added("cgroup")),
      reading("BPF time per socket of another node", ns["elsewhere"] ?? []),
    ];
  } finally {
    addon.measureRunTime(false);
    await server.stop();
    await tree.remove(root);
  }
}

async function runTimeNs(addon: Addon, node: NodeBounds | undefined, load: () => Promise<unknown>): Promise<number> {
  const monitor = await TcpMonitor.open(addon, {
    maxConnections: 131_072,
    ringBytes: 64 * 1024 * 1024,
    ...(node && { node }),
  });
  try {
    await load(); // the maps' memory is new
    const taken = () => monitor.statistics().reduce((sum, { runTimeNs }) => sum + runTimeNs, 0);
    const before = taken();
    await load();
    return taken() - before;
  } finally {
    monitor.close();
  }
}

async function newCgroup(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return path;
}

async function idOf(cgroup: string): Promise<bigint> {
  return (await stat(cgroup, { bigint: true })).ino;
}
