import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { findCgroupMount } from "../../src/identity/cgroup-mount.ts";
import { CgroupTree, type CgroupTreeOptions } from "../../src/identity/cgroup-tree.ts";
import { eventually } from "./eventually.ts";

const ID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const UID = "2f1c8d6e-7a3b-4c5d-9e8f-0a1b2c3d4e5f";

/** A tree over plain directories, which have inode numbers as well. */
function treeOn(t: TestContext, options: Partial<CgroupTreeOptions> = {}) {
  const root = mkdtempSync(join(tmpdir(), "weir-cgroups-"));
  const time = { nowMs: 1_700_000_000_000 };
  const version = new AnswerVersion();
  const cgroupPath = join(root, "cgroup");
  const procPath = join(root, "proc");
  mkdirSync(cgroupPath);
  mkdirSync(join(procPath, "self"), { recursive: true });
  const base = { procPath, cgroupPath, version, clock: () => time.nowMs, missIntervalMs: 1, refreshIntervalMs: 60_000 };
  const tree = new CgroupTree({ ...base, ...options });
  t.after(() => {
    tree.shutdown();
    rmSync(root, { recursive: true });
  });
  const make = (path: string | Buffer) => {
    const directory =
      typeof path === "string" ? join(cgroupPath, path) : Buffer.concat([Buffer.from(`${cgroupPath}/`), path]);
    mkdirSync(directory, { recursive: true });
    return statSync(directory, { bigint: true }).ino;
  };
  const process = (pid: number, text: string) => {
    mkdirSync(join(procPath, String(pid)), { recursive: true });
    writeFileSync(join(procPath, String(pid), "cgroup"), text);
  };
  return { tree, version, time, make, process, cgroupPath, procPath };
}

test("CgroupTree.start() learns every directory", async (t) => {
  const { tree, make } = treeOn(t);
  const root = make("");
  const container = make(`kubepods/burstable/pod${UID}/${ID}`);
  await tree.start();
  assert.equal(tree.lookup(root, 0)?.path, "/");
  const cgroup = tree.lookup(container, 0);
  assert.equal(cgroup?.path, `/kubepods/burstable/pod${UID}/${ID}`);
  assert.equal(cgroup?.place.podUid, UID);
  assert.equal(tree.stats().cgroups, 5);
  assert.equal(tree.stats().misses, 0);
});

test("CgroupTree.lookup() finds a new directory, and the version grows for whoever was told it is unknown", async (t) => {
  const { tree, make, version } = treeOn(t, { missIntervalMs: 300 });
  await tree.start();
  const first = make("first.service");
  const before = version.value;
  await eventually("the first is found", () => tree.lookup(first, 0)?.place.unit === "first.service");
  const second = make("second.service");
  const told = tree.lookup(second, 0);
  assert.equal(told, undefined, "no second walk so soon");
  await eventually("the version grows", () => version.value > before);
  await eventually("the second is found", () => tree.lookup(second, 0)?.place.unit === "second.service");
});

test("CgroupTree.lookup() answers from a live process at once, where the inode number agrees", (t) => {
  const { tree, make, process } = treeOn(t, { missIntervalMs: 60_000, maxDirectories: 0 });
  const id = make("system.slice/web.service");
  const other = make("system.slice/other.service");
  process(11, "5:memory:/x\n0::/system.slice/web.service\n");
  assert.equal(tree.lookup(other, 11), undefined, "the process lives elsewhere");
  assert.equal(tree.lookup(id, 11)?.place.unit, "web.service");
  assert.equal(tree.lookup(id, 0)?.place.unit, "web.service", "known from now on");
});

test("CgroupTree.lookup() takes a pod from a path above its own cgroup namespace", (t) => {
  const { tree, process } = treeOn(t, { maxDirectories: 0 });
  process(12, `0::/../../../burstable/pod${UID}/${ID}\n`);
  process(13, "0::/../../../system.slice/x.service\n");
  assert.equal(tree.lookup(999_999_999n, 12)?.place.podUid, UID);
  assert.equal(tree.lookup(999_999_998n, 13), undefined);
});

test("CgroupTree gives up ids that a whole walk does not find", async (t) => {
  const { tree } = treeOn(t);
  await tree.start();
  assert.equal(tree.lookup(999_999_999n, 0), undefined);
  await eventually("it is settled", () => tree.stats().notFound === 1);
  assert.equal(tree.stats().waiting, 0);
  const { walks } = tree.stats();
  for (let ask = 0; ask < 100; ask += 1) tree.lookup(999_999_999n, 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(tree.stats().walks, walks, "it is not looked for again");
});

test("CgroupTree remembers what is gone for its grace time", async (t) => {
  const { tree, make, time, cgroupPath } = treeOn(t, { graceMs: 1000 });
  const id = make("gone.service");
  await tree.start();
  rmdirSync(join(cgroupPath, "gone.service"));
  await tree.start();
  assert.equal(tree.lookup(id, 0)?.path, "/gone.service");
  time.nowMs += 1001;
  await tree.start();
  assert.equal(tree.stats().cgroups, 1);
});

test("CgroupTree counts a walk that its budget cut short, and forgets nothing then", async (t) => {
  const { tree, make } = treeOn(t, { maxDirectories: 3 });
  for (let index = 0; index < 10; index += 1) make(`s${index}.service`);
  await tree.start();
  assert.equal(tree.stats().budgetRefusals, 1);
  assert.equal(tree.stats().cgroups, 3);
});

test("CgroupTree survives names with newlines and bytes that are not UTF-8", async (t) => {
  const { tree, make } = treeOn(t);
  const newline = make("a\nb.service");
  const bytes = make(Buffer.from([0x61, 0xff, 0x2e, 0x73]));
  const below = make(Buffer.from([0x61, 0xff, 0x2e, 0x73, 0x2f, 0x62]));
  await tree.start();
  assert.equal(tree.lookup(newline, 0)?.place.unit, "a\nb.service");
  assert.equal(tree.lookup(bytes, 0)?.path, "/a\udcff.s");
  assert.equal(tree.lookup(below, 0)?.path, "/a\udcff.s/b");
});

test("CgroupTree works without a cgroup v2 hierarchy, and reads v1 places", async (t) => {
  const { procPath, process } = treeOn(t);
  writeFileSync(join(procPath, "self/mountinfo"), "37 25 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  process(21, `9:cpu:/\n4:memory:/docker/${ID}\n1:name=systemd:/docker/${ID}\n`);
  process(22, "9:cpu:/\n4:memory:/\n");
  const tree = new CgroupTree({ procPath, clock: () => 1, version: new AnswerVersion() });
  await tree.start();
  assert.equal(tree.lookup(77n, 0), undefined);
  assert.equal(tree.v1Place(21)?.containerId, ID);
  assert.equal(tree.v1Place(22), undefined);
  assert.equal(tree.v1Place(0), undefined);
  assert.equal(tree.v1Place(404), undefined);
  tree.shutdown();
});

const { path: mountPath } = findCgroupMount("/proc");
const unable = mountPath === undefined || process.getuid?.() !== 0 ? "needs root and a cgroup v2 mount" : false;

test("CgroupTree finds the host's real hierarchy and a process in a new cgroup", { skip: unable }, async (t) => {
  const version = new AnswerVersion();
  const tree = new CgroupTree({ procPath: "/proc", clock: Date.now, version, missIntervalMs: 1 });
  await tree.start();
  t.after(() => tree.shutdown());
  const name = `weir-test-${process.pid}.service`;
  const directory = join(mountPath ?? "", name);
  mkdirSync(directory);
  t.after(() => rmdirSync(directory));
  const id = statSync(directory, { bigint: true }).ino;
  const child = spawn("sh", ["-c", `echo $$ > '${directory}/cgroup.procs' && echo ready && exec sleep 60`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  assert.equal(tree.lookup(id, child.pid ?? 0)?.place.unit, name);
  child.kill("SIGKILL");
  await exited;
  await eventually("the cgroup is empty", () => {
    const fresh = new CgroupTree({ procPath: "/proc", clock: Date.now, version, missIntervalMs: 1 });
    const found = fresh.lookup(id, 0)?.path === `/${name}`;
    fresh.shutdown();
    return found;
  });
});
