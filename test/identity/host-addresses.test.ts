import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { HostAddresses, type HostAddressesOptions } from "../../src/identity/host-addresses.ts";
import { address } from "./address.ts";
import { eventually } from "./eventually.ts";

const HOST = 4_026_531_833;

/** A procfs of plain files, whose processes the test makes. */
function procfs(t: TestContext, options: Partial<HostAddressesOptions> = {}) {
  const procPath = mkdtempSync(join(tmpdir(), "weir-proc-"));
  const version = new AnswerVersion();
  const process = (pid: number, netns: number, addresses: readonly string[]) => {
    mkdirSync(join(procPath, String(pid), "ns"), { recursive: true });
    mkdirSync(join(procPath, String(pid), "net"));
    symlinkSync(`net:[${netns}]`, join(procPath, String(pid), "ns/net"));
    const lines = addresses.map((text) => `  |-- ${text}\n     /32 host LOCAL\n`);
    writeFileSync(join(procPath, String(pid), "net/fib_trie"), `Main:\n${lines.join("")}`);
  };
  process(1, HOST, ["192.0.2.1", "10.1.0.1"]);
  const base = { procPath, version, clock: Date.now, newNamespaceIntervalMs: 1, missIntervalMs: 1 };
  const hostAddresses = new HostAddresses({ ...base, ...options });
  t.after(() => {
    hostAddresses.shutdown();
    rmSync(procPath, { recursive: true });
  });
  return { hostAddresses, version, process };
}

test("HostAddresses.start() reads every namespace once, the host's first", async (t) => {
  const { hostAddresses, process } = procfs(t);
  process(20, 77, ["10.1.0.5", "192.0.2.1"]);
  process(21, 77, ["198.51.100.1"]);
  await hostAddresses.start();
  assert.deepEqual([...hostAddresses.hostNetns], [HOST]);
  assert.equal(hostAddresses.netnsOf(address("10.1.0.5")), 77);
  assert.equal(hostAddresses.netnsOf(address("192.0.2.1")), HOST);
  assert.equal(hostAddresses.netnsOf(address("198.51.100.1")), 0);
  assert.deepEqual(hostAddresses.addressesOf(77), [address("10.1.0.5"), address("192.0.2.1")]);
  assert.deepEqual(hostAddresses.addressesOf(78), []);
  assert.equal(hostAddresses.stats().namespaces, 2);
});

test("HostAddresses finds a new namespace after a miss, and the version grows", async (t) => {
  const { hostAddresses, version, process } = procfs(t);
  await hostAddresses.start();
  assert.equal(hostAddresses.netnsOf(address("10.1.0.9")), 0);
  const before = version.value;
  process(30, 88, ["10.1.0.9"]);
  await eventually("the address is found", () => hostAddresses.netnsOf(address("10.1.0.9")) === 88);
  assert.ok(version.value > before);
});

test("HostAddresses.learn() takes a local socket's address for this host's", async (t) => {
  const { hostAddresses, version } = procfs(t, { newNamespaceIntervalMs: 60_000, missIntervalMs: 60_000 });
  await hostAddresses.start();
  assert.equal(hostAddresses.netnsOf(address("10.1.0.7")), 0);
  hostAddresses.learn({ netns: 99, address: address("127.0.0.1") });
  assert.equal(hostAddresses.stats().learntAddresses, 0, "loopback teaches nothing");
  const before = version.value;
  assert.equal(hostAddresses.netnsOf(address("10.1.0.7")), 0);
  hostAddresses.learn({ netns: 99, address: address("10.1.0.7") });
  assert.equal(hostAddresses.netnsOf(address("10.1.0.7")), 99);
  assert.equal(version.value, before + 1);
  assert.equal(hostAddresses.stats().learntAddresses, 1);
});

test("HostAddresses counts what its budgets refuse", async (t) => {
  const { hostAddresses, process } = procfs(t, { maxBytes: 20, maxProcesses: 1 });
  process(50, 51, ["10.1.0.5"]);
  await hostAddresses.start();
  assert.equal(hostAddresses.stats().budgetRefusals, 2);
});

test("HostAddresses works where nothing can be read", async () => {
  const hostAddresses = new HostAddresses({ procPath: "/nonexistent", version: new AnswerVersion(), clock: Date.now });
  await hostAddresses.start();
  assert.equal(hostAddresses.netnsOf(address("10.1.0.5")), 0);
  assert.equal(hostAddresses.stats().walkFailures, 1);
  hostAddresses.shutdown();
});

const unable = process.getuid?.() === 0 ? false : "needs root for a network namespace";

test("HostAddresses reads this host's real namespaces, a new one included", { skip: unable }, async (t) => {
  const script =
    "ip address add 198.18.7.7/32 dev lo && ip address add fd77::7/128 dev lo && ip link set lo up && echo ready && exec sleep 60";
  const child = spawn("unshare", ["--net", "sh", "-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  });
  await once(child.stdout, "data");
  const hostAddresses = new HostAddresses({ procPath: "/proc", version: new AnswerVersion(), clock: Date.now });
  t.after(() => hostAddresses.shutdown());
  await hostAddresses.start();
  const netns = Number(/\d+/.exec(readlinkSync(`/proc/${child.pid}/ns/net`))?.[0]);
  assert.equal(hostAddresses.netnsOf(address("198.18.7.7")), netns);
  await eventually("IPv6 is read too", () => hostAddresses.netnsOf(address("fd77::7")) === netns);
  const own = Number(/\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0]);
  for (const interfaces of Object.values(networkInterfaces())) {
    for (const { address: text, internal } of interfaces ?? []) {
      if (!internal && !text.startsWith("fe80")) assert.equal(hostAddresses.netnsOf(address(text)), own, text);
    }
  }
});
