import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readlinkSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bpfObjectPath, loadAddon, type NativeNodeMonitor, type NodeBounds } from "../../src/kernel/addon.ts";
import { NodeMonitor, type NodeRecord } from "../../src/kernel/node-monitor.ts";
import { CgroupTree, cgroupMount } from "../lab/cgroup-tree.ts";
import { Place } from "../lab/place.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { bpfDescriptors } from "./bpf-descriptors.ts";

const addon = loadAddon();
const { nodeLayout } = addon;
const NETNS = Number(/\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0]);

async function opened(t: TestContext): Promise<NodeMonitor> {
  const monitor = await NodeMonitor.open(addon);
  t.after(() => monitor.close());
  return monitor;
}

/** A new directory of the cgroup v2 hierarchy, with its id. */
async function cgroup(t: TestContext, ...below: string[]) {
  const mount = await cgroupMount();
  const name = `weir-native-${randomBytes(4).toString("hex")}`;
  const tree = await CgroupTree.find();
  const path = join(mount, name, ...below);
  mkdirSync(path, { recursive: true });
  t.after(() => tree.remove(join(mount, name)));
  return { path, name, id: statSync(path, { bigint: true }).ino };
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

test("nodeLayout has offsets within the record, without two fields in one place, and a number for each kind", () => {
  const offsets = Object.values(nodeLayout.offsets);
  assert.equal(offsets.length, 7);
  assert.equal(new Set(offsets).size, offsets.length);
  for (const offset of offsets) assert.ok(offset >= 0 && offset < nodeLayout.recordBytes);
  assert.equal(nodeLayout.recordBytes, nodeLayout.offsets.name + nodeLayout.nameBytes);
  assert.equal(new Set(Object.values(nodeLayout.kinds)).size, 3);
  assert.deepEqual(nodeLayout.lost, ["cgroup_news_full"]);
});

for (const [options, message] of [
  [undefined, "openNode: expected an options object"],
  [{}, "openNode.objectPath: expected a string"],
] as const) {
  test(`openNode() throws "${message}"`, () => {
    assert.throws(() => addon.openNode(options as { objectPath: string }), { name: "TypeError", message });
  });
}

const good = { objectPath: bpfObjectPath("tcp"), maxConnections: 1000, ringBytes: 1 << 20 };
const range = "expected an integer from 1 to 4294967295, current value is";
for (const [node, message] of [
  [5, "openTcp.node: expected an object"],
  [{ cgroupId: 1, level: 1, netns: 1 }, "openTcp.node.cgroupId: expected a bigint of 64 bits"],
  [{ cgroupId: -1n, level: 1, netns: 1 }, "openTcp.node.cgroupId: expected a bigint of 64 bits"],
  [{ cgroupId: 2n ** 64n, level: 1, netns: 1 }, "openTcp.node.cgroupId: expected a bigint of 64 bits"],
  [{ cgroupId: 1n, level: 0, netns: 1 }, `openTcp.node.level: ${range} 0`],
  [{ cgroupId: 1n, level: 1 }, `openTcp.node.netns: ${range} undefined`],
] as const) {
  test(`openTcp() throws "${message}"`, () => {
    assert.throws(() => addon.openTcp({ ...good, node: node as NodeBounds }), { name: "TypeError", message });
  });
}

test("NodeMonitor.lineage() begins with the agent's own process and ends with the kernel's", async (t) => {
  const records = (await opened(t)).lineage();
  const processes = records.filter(({ kind }) => kind === "process");
  assert.equal(processes[0]?.pid, process.pid);
  assert.equal(processes[0]?.netns, NETNS);
  assert.equal(processes[1]?.pid, process.ppid);
  assert.deepEqual([processes.at(-1)?.pid, textOf(processes.at(-1)?.name ?? Buffer.of())], [0, "swapper/0"]);
  const ids = new Set(records.filter(({ kind }) => kind === "cgroup").map(({ cgroupId }) => cgroupId));
  for (const { cgroupId } of processes) assert.ok(ids.has(cgroupId), "the cgroup of each is told");
  assert.ok(ids.has(1n), "up to the root");
});

test("NodeMonitor.processes() tells of processes with their cgroup and those above it, and with their namespace", async (t) => {
  const monitor = await opened(t);
  const { path, name, id } = await cgroup(t, "in");
  const sleeper = new Place("/proc/self/ns/net", path).start(["sleep", "60"]);
  t.after(() => sleeper.stop("SIGKILL"));
  const lives = (records: readonly NodeRecord[]) =>
    records.some(({ kind, cgroupId }) => kind === "process" && cgroupId === id) && records;
  const told = await waitUntil(async () => lives(await monitor.processes()), { what: "the process to have moved" });
  const above = told.find(({ kind, name: bytes }) => kind === "cgroup" && textOf(bytes) === name);
  const own = told.find(({ kind, cgroupId }) => kind === "cgroup" && cgroupId === id);
  assert.deepEqual([own?.level, textOf(own?.name ?? Buffer.of()), own?.parentId], [2, "in", above?.cgroupId]);
  const found = told.find(({ kind, cgroupId }) => kind === "process" && cgroupId === id);
  assert.deepEqual([found?.pid, found?.netns], [sleeper.pid, NETNS]);
});

test("NodeMonitor.news() tells of a cgroup that lived and died between two readings, with any name", async (t) => {
  const monitor = await opened(t);
  const { path, id } = await cgroup(t);
  const odd = Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0x0d, 0x22, 0x7f])]);
  mkdirSync(odd);
  const oddId = statSync(odd, { bigint: true }).ino;
  const longest = join(path, "x".repeat(255));
  mkdirSync(longest);
  rmdirSync(longest);
  rmdirSync(odd);
  const news = monitor.news();
  const made = news.find(({ kind, cgroupId }) => kind === "cgroup" && cgroupId === oddId);
  assert.deepEqual([made?.parentId, made?.level], [id, 2]);
  assert.deepEqual(Buffer.from(made?.name ?? []), Buffer.from([0xff, 0x0d, 0x22, 0x7f]));
  assert.ok(news.some(({ name }) => textOf(name) === "x".repeat(255)));
  assert.ok(news.some(({ kind, cgroupId }) => kind === "gone" && cgroupId === oddId));
  assert.ok(!monitor.news().some(({ cgroupId }) => cgroupId === oddId), "told once");
});

test("NodeMonitor counts news that find no room", async (t) => {
  const monitor = await opened(t);
  const { path } = await cgroup(t);
  const made = monitor.maps().find(({ name }) => name === "news");
  const fit = (made?.maxEntries ?? 0) / nodeLayout.recordBytes;
  // three records for each that is made, and one for its end
  for (let number = 0; number < fit / 3; number++) {
    mkdirSync(join(path, "again"));
    rmdirSync(join(path, "again"));
  }
  assert.ok(monitor.lostNews > 0);
  assert.deepEqual([...monitor.lost().keys()], ["cgroup_news_full"]);
  assert.ok(monitor.news().length > 0);
  const { lostNews } = monitor;
  mkdirSync(join(path, "heard"));
  assert.ok(monitor.news().some(({ name }) => textOf(name) === "heard"));
  assert.equal(monitor.lostNews, lostNews);
});

test("NodeMonitor.close() leaves nothing open, may be called again, and ends everything else", async () => {
  const native: NativeNodeMonitor = await addon.openNode({ objectPath: bpfObjectPath("node") });
  native.close();
  native.close();
  assert.deepEqual(bpfDescriptors(), {});
  for (const method of ["lineage", "news", "lost", "programs", "statistics", "maps"] as const) {
    assert.throws(() => native[method](), { code: "ERR_WEIR_CLOSED" }, method);
  }
  await assert.rejects(native.processes(), { code: "ERR_WEIR_CLOSED" });
});

test("openNode() says that a file is no BPF object", async () => {
  await assert.rejects(addon.openNode({ objectPath: fileURLToPath(import.meta.url) }), { code: "ERR_WEIR_OBJECT" });
});
