import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LocalSocket } from "../../src/identity/endpoint.ts";
import { Resolver, type ResolverOptions } from "../../src/identity/resolver.ts";
import { address } from "./address.ts";
import { Hierarchy, NewsRig } from "./node-news.ts";
import { deploymentPod, endpointSlice, node, pod, service } from "./pod-fixture.ts";

const HOST_NETNS = 4_026_531_833;
const START_MS = 1_700_000_000_000;
const WEB_UID = "2f1c8d6e-7a3b-4c5d-9e8f-0a1b2c3d4e5f";
const PROXY_UID = "3f1c8d6e-7a3b-4c5d-9e8f-0a1b2c3d4e5f";
const STATIC_HASH = "8f14e45fceea167a5a36dedd4bea2543";
const ID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/** A host made of plain files: a cgroup tree and a procfs with pid 1 in the host's namespace. */
const FRESH_UID = "11111111-2222-3333-4444-555555555555";

async function host(t: TestContext, options: Partial<ResolverOptions> = {}) {
  const root = mkdtempSync(join(tmpdir(), "weir-host-"));
  const procPath = join(root, "proc");
  const cgroupPath = join(root, "cgroup");
  const process = (pid: number, netns: number, addresses: readonly string[]) => {
    mkdirSync(join(procPath, `${pid}/ns`), { recursive: true });
    mkdirSync(join(procPath, `${pid}/net`));
    symlinkSync(`net:[${netns}]`, join(procPath, `${pid}/ns/net`));
    const lines = addresses.map((text) => `  |-- ${text}\n     /32 host LOCAL\n`);
    writeFileSync(join(procPath, `${pid}/net/fib_trie`), lines.join(""));
  };
  const cgroup = (path: string) => {
    mkdirSync(join(cgroupPath, path), { recursive: true });
    return statSync(join(cgroupPath, path), { bigint: true }).ino;
  };
  process(1, HOST_NETNS, ["192.0.2.1", "10.1.0.1"]);
  process(40, 40, ["10.1.0.5"]);
  const ids = {
    root: cgroup(""),
    web: cgroup(`kubepods/burstable/pod${WEB_UID}/${ID}`),
    proxy: cgroup(`kubepods/pod${PROXY_UID}/${ID.replace("01", "99")}`),
    static: cgroup(`kubepods/pod${STATIC_HASH}/${ID.replace("01", "77")}`),
    fresh: cgroup(`kubepods/pod${FRESH_UID}/${ID.replace("01", "55")}`),
    kubelet: cgroup("system.slice/kubelet.service"),
    docker: cgroup(`system.slice/docker-${ID}.scope`),
  };
  const time = { nowMs: START_MS };
  const resolver = new Resolver({
    hostName: "node-1",
    cluster: true,
    clock: () => time.nowMs,
    procPath,
    cgroupPath,
    ...options,
  });
  t.after(async () => {
    await resolver.shutdown();
    rmSync(root, { recursive: true });
  });
  await resolver.start();
  const local = (fields: Partial<LocalSocket>) =>
    resolver.local({
      cgroupId: ids.root,
      netns: HOST_NETNS,
      pid: 0,
      comm: "app",
      address: address("192.0.2.1"),
      ...fields,
    });
  const remote = (text: string, port = 80, netns = HOST_NETNS, unixMs = time.nowMs) =>
    resolver.remote(address(text), port, netns, unixMs);
  return { resolver, ids, time, local, remote, process };
}

/** The cluster that the tests ask about: this node, another, and what runs there. */
function fill({ directory }: Resolver): void {
  directory.upsertNode(node({ uid: "n1", name: "node-1", addresses: ["192.0.2.1"], podCIDRs: ["10.1.0.0/24"] }));
  directory.upsertNode(node({ uid: "n2", name: "node-2", addresses: ["192.0.2.2"], podCIDRs: ["10.1.1.0/24"] }));
  directory.upsertPod(deploymentPod("web", { uid: WEB_UID, ips: ["10.1.0.5"] }));
  directory.upsertPod(deploymentPod("far", { uid: "far", ips: ["10.1.1.5"], nodeName: "node-2" }));
  directory.upsertPod(
    pod({
      uid: PROXY_UID,
      hostNetwork: true,
      ips: ["192.0.2.1"],
      owner: { kind: "DaemonSet", name: "proxy", uid: "uid-proxy" },
    }),
  );
  directory.upsertPod(
    pod({
      uid: "mirror",
      name: "etcd-node-1",
      hostNetwork: true,
      owner: { kind: "Node", name: "node-1", uid: "uid-node-1" },
      containers: [{ name: "etcd", id: ID.replace("01", "77") }],
    }),
  );
  directory.upsertService(
    service({
      uid: "s",
      name: "front",
      clusterIPs: ["10.96.0.10"],
      ports: [{ protocol: "TCP", port: 80, nodePort: 30_080 }],
    }),
  );
  directory.listed();
}

const WEB = { kind: "Deployment", namespace: "shop", workload: "web" };
const NODE_1 = { kind: "Node", namespace: "", workload: "node-1" };
const UNKNOWN = { kind: "Unknown", namespace: "", workload: "unknown" };

test("Resolver.local() names pods by cgroup, also on the host's network and static ones, and the node's own processes", async (t) => {
  const { resolver, ids, local } = await host(t);
  fill(resolver);
  assert.deepEqual(local({ cgroupId: ids.web, netns: 40, address: address("10.1.0.5") }), WEB);
  assert.deepEqual(local({ cgroupId: ids.proxy }), { kind: "DaemonSet", namespace: "shop", workload: "proxy" });
  assert.deepEqual(local({ cgroupId: ids.static }), { kind: "Pod", namespace: "shop", workload: "etcd-node-1" });
  assert.deepEqual(local({ cgroupId: ids.kubelet }), NODE_1);
  assert.deepEqual(local({ cgroupId: ids.root }), NODE_1);
  assert.deepEqual(local({ cgroupId: ids.docker }), NODE_1);
});

test("Resolver.local() names a socket by its network namespace where its cgroup says nothing", async (t) => {
  const { resolver, ids, local } = await host(t);
  fill(resolver);
  local({ cgroupId: ids.web, netns: 41, address: address("127.0.0.1") });
  assert.deepEqual(local({ cgroupId: 999_999_999n, netns: 41, address: address("127.0.0.1") }), WEB);
  assert.deepEqual(local({ cgroupId: ids.root, netns: 41, address: address("127.0.0.1") }), WEB);
  assert.deepEqual(local({ cgroupId: ids.proxy, netns: 41 }).workload, "proxy", "the cgroup goes first");
});

test("Resolver.local() names a socket by its own address, but not in the host's namespace", async (t) => {
  const { resolver, ids, local } = await host(t);
  fill(resolver);
  assert.deepEqual(local({ netns: 42, address: address("10.1.0.5") }), WEB);
  assert.deepEqual(local({ netns: 42, address: address("127.0.0.1") }), WEB, "learnt from the socket before");
  assert.deepEqual(local({ cgroupId: ids.kubelet, netns: HOST_NETNS, address: address("10.1.0.5") }), NODE_1);
});

test("Resolver.local() awaits a pod that the API server has not told of, and the version grows when it does", async (t) => {
  const { resolver, ids, local } = await host(t);
  const socket = { cgroupId: ids.web, netns: 40, address: address("10.1.0.5") };
  assert.equal(local(socket), resolver.pending);
  assert.notEqual(resolver.pending, resolver.unknown);
  assert.equal(resolver.stats().unresolvedLocal, 0);
  assert.equal(resolver.stats().directory.pendingPods, 2, "its UID and its container");
  assert.equal(resolver.stats().pendingPods.awaited, 1);
  const { version } = resolver;
  fill(resolver);
  assert.ok(resolver.version > version);
  assert.deepEqual(local(socket), WEB);
  assert.equal(resolver.stats().pendingPods.awaited, 0);
});

test("Resolver.local() calls a pod Unknown that was awaited in vain, until it is told of", async (t) => {
  const { resolver, ids, local, time } = await host(t, { pendingMs: 500 });
  const socket = { cgroupId: ids.web, netns: 40, address: address("10.1.0.5") };
  assert.equal(local(socket), resolver.pending);
  const { version } = resolver;
  time.nowMs += 500;
  assert.equal(local(socket), resolver.unknown);
  assert.ok(resolver.version > version);
  assert.equal(resolver.stats().unresolvedLocal, 1);
  assert.equal(resolver.stats().pendingPods.expired, 1);
  fill(resolver);
  assert.deepEqual(local(socket), WEB);
});

test("Resolver.local() calls a cgroup that cannot be found Unknown", async (t) => {
  const { resolver, local } = await host(t);
  fill(resolver);
  assert.deepEqual(local({ cgroupId: 999_999_999n }), UNKNOWN);
});

test("Resolver.remote() finds Services, pods, nodes and externals", async (t) => {
  const { resolver, remote } = await host(t, { externalNetworks: [{ cidr: "203.0.113.0/24", name: "partner" }] });
  fill(resolver);
  const front = { namespace: "shop", name: "front" };
  assert.deepEqual(remote("10.96.0.10"), { endpoint: undefined, service: front, maybeHere: true, counted: "here" });
  assert.deepEqual(remote("192.0.2.2", 30_080), {
    endpoint: undefined,
    service: front,
    maybeHere: true,
    counted: "here",
  });
  assert.deepEqual(remote("127.0.0.1", 30_080), {
    endpoint: undefined,
    service: front,
    maybeHere: true,
    counted: "here",
  });
  assert.deepEqual(remote("192.0.2.2", 0).endpoint?.workload, "node-2");
  assert.deepEqual(remote("10.96.0.10", 81), {
    endpoint: UNKNOWN,
    service: undefined,
    maybeHere: false,
    counted: "here",
  });
  assert.deepEqual(remote("10.1.0.5"), { endpoint: WEB, service: undefined, maybeHere: true, counted: "here" });
  assert.equal(remote("10.1.1.5").endpoint?.workload, "far");
  assert.equal(remote("10.1.1.5").maybeHere, false);
  assert.deepEqual(remote("192.0.2.1"), { endpoint: NODE_1, service: undefined, maybeHere: true, counted: "here" });
  assert.equal(remote("192.0.2.2").endpoint?.workload, "node-2");
  assert.equal(remote("192.0.2.2").maybeHere, false);
  assert.deepEqual(
    remote("10.1.0.1"),
    { endpoint: NODE_1, service: undefined, maybeHere: true, counted: "here" },
    "the bridge of this host",
  );
  assert.deepEqual(
    remote("10.1.1.99"),
    { endpoint: UNKNOWN, service: undefined, maybeHere: true, counted: "here", unsettledMs: 10_000 },
    "a pod nobody knows",
  );
  assert.deepEqual(remote("203.0.113.7").endpoint, { kind: "External", namespace: "", workload: "partner" });
  assert.deepEqual(remote("8.8.8.8").endpoint?.workload, "public");
  assert.equal(remote("10.1.0.5"), remote("10.1.0.5"));
  assert.equal(remote("10.1.0.5").endpoint, remote("10.1.0.5").endpoint);
});

const HERE = { service: undefined, maybeHere: true, counted: "here" };

test("Resolver.remote() finds node ports at every address of this host", async (t) => {
  const { resolver, remote } = await host(t);
  fill(resolver);
  const front = { namespace: "shop", name: "front" };
  for (const text of ["192.0.2.1", "10.1.0.1", "127.0.0.1", "127.9.9.9", "10.1.1.0"]) {
    assert.deepEqual(remote(text, 30_080).service, front, text);
    assert.equal(remote(text, 30_081).service, undefined, text);
  }
  assert.equal(remote("::1", 30_080).service, undefined, "kube-proxy has no node ports on IPv6 loopback");
  assert.equal(remote("10.1.0.5", 30_080).service, undefined, "a pod of this host is no node");
  const { version } = resolver;
  resolver.directory.deleteService("s");
  assert.ok(resolver.version > version);
  assert.deepEqual(remote("10.1.0.1", 30_080), { ...HERE, endpoint: NODE_1 });
});

test("Resolver names backends that are no pods by their Service, and pods on their host's network by the slice", async (t) => {
  const { resolver, remote } = await host(t, { externalNetworks: [{ cidr: "203.0.113.0/24", name: "partner" }] });
  fill(resolver);
  const { directory } = resolver;
  assert.equal(remote("10.9.9.9", 8080).endpoint?.workload, "private");
  const { version } = resolver;
  const addresses = ["10.9.9.9", "203.0.113.7", "10.1.1.77", "10.9.9.8", "192.0.2.2=far-agent"];
  directory.upsertEndpointSlice(endpointSlice({ uid: "e1", serviceName: "legacy" }, ...addresses));
  directory.upsertEndpointSlice(endpointSlice({ uid: "e2", serviceName: "other" }, "10.9.9.8"));
  assert.ok(resolver.version > version, "somebody was told otherwise");
  const legacy = { kind: "External", namespace: "shop", workload: "legacy" };
  assert.deepEqual(remote("10.9.9.9", 8080), { ...HERE, endpoint: legacy });
  assert.equal(remote("10.9.9.9", 8081).endpoint?.workload, "private", "another port is another program");
  assert.equal(remote("10.9.9.9", 0).endpoint?.workload, "private", "as a client it may be anything");
  assert.equal(remote("203.0.113.7", 8080).endpoint?.workload, "partner", "the configuration's name goes first");
  assert.equal(remote("10.9.9.8", 8080).endpoint?.workload, "private", "two Services call it their own");
  assert.deepEqual(remote("10.1.1.77", 8080).endpoint, UNKNOWN, "in a pod range, but no pod that one knows");

  assert.equal(remote("192.0.2.2", 8080).endpoint?.workload, "node-2", "a pod nobody knows yet");
  const owner = { kind: "DaemonSet", name: "agent", uid: "uid" };
  directory.upsertPod(pod({ uid: "far-agent", hostNetwork: true, ips: ["192.0.2.2"], nodeName: "node-2", owner }));
  const agent = { kind: "DaemonSet", namespace: "shop", workload: "agent" };
  assert.deepEqual(remote("192.0.2.2", 8080), { ...HERE, endpoint: agent, maybeHere: false });
  assert.equal(remote("192.0.2.2", 8081).endpoint?.workload, "node-2");
  directory.deleteEndpointSlice("e1");
  assert.equal(remote("192.0.2.2", 8080).endpoint?.workload, "node-2");
  assert.equal(remote("10.9.9.9", 8080).endpoint?.workload, "private");
});

test("Resolver.backend() asks nothing about Services, and counts what no EndpointSlice has", async (t) => {
  const { resolver, time, remote } = await host(t);
  fill(resolver);
  const { service: front } = remote("10.96.0.10");
  assert.ok(front);
  const backend = (text: string, port: number) => resolver.backend(address(text), port, front, time.nowMs);
  const far = { ...HERE, endpoint: { ...WEB, workload: "far" }, maybeHere: false };
  resolver.directory.upsertEndpointSlice(endpointSlice({ uid: "e", serviceName: "front" }, "10.1.1.5=far"));
  assert.deepEqual(backend("10.1.1.5", 8080), far);
  assert.equal(resolver.stats().unlistedBackends, 0);
  assert.deepEqual(backend("10.1.1.5", 80), far);
  assert.equal(backend("192.0.2.2", 30_080).endpoint?.workload, "node-2");
  assert.deepEqual(backend("10.1.1.99", 80).endpoint, UNKNOWN);
  assert.equal(resolver.stats().unlistedBackends, 3);
});

test("Resolver.remote() takes loopback for the asking namespace", async (t) => {
  const { resolver, ids, local, remote } = await host(t);
  fill(resolver);
  local({ cgroupId: ids.web, netns: 40, address: address("10.1.0.5") });
  assert.deepEqual(remote("127.0.0.1", 8080, 40), {
    endpoint: WEB,
    service: undefined,
    maybeHere: true,
    counted: "here",
  });
  assert.deepEqual(remote("::1", 30_080, 40).endpoint, WEB, "node ports are not for pods' loopback");
  assert.deepEqual(remote("127.0.0.1", 8080), {
    endpoint: NODE_1,
    service: undefined,
    maybeHere: true,
    counted: "here",
  });
});

test("Resolver.remote() answers for the moment", async (t) => {
  const { resolver, time, remote } = await host(t);
  fill(resolver);
  assert.equal(remote("10.1.1.5").endpoint?.workload, "far");
  const { version } = resolver;
  time.nowMs += 60_000;
  resolver.directory.deletePod("far");
  resolver.directory.upsertPod(deploymentPod("next", { uid: "next", ips: ["10.1.1.5"], nodeName: "node-2" }));
  assert.ok(resolver.version > version);
  assert.equal(remote("10.1.1.5", 80, HOST_NETNS, START_MS).endpoint?.workload, "far");
  assert.equal(remote("10.1.1.5").endpoint?.workload, "next");
});

test("Resolver tells nodes apart that share this kernel", async (t) => {
  const { resolver, ids, local, remote, process } = await host(t);
  process(50, 50, ["192.0.2.2", "10.1.1.1"]);
  fill(resolver);
  await resolver.start();
  assert.equal(local({ cgroupId: ids.kubelet, netns: 50, address: address("127.0.0.1") }).workload, "node-2");
  assert.equal(remote("127.0.0.1", 9, 50).endpoint?.workload, "node-2");
  assert.deepEqual(remote("10.1.1.1").endpoint?.workload, "node-2", "its bridge");
  assert.equal(remote("192.0.2.2").maybeHere, true);
});

test("Resolver without a cluster names containers, units, processes and this host", async (t) => {
  const { ids, local, remote } = await host(t, { cluster: false, hostName: "laptop" });
  assert.deepEqual(local({ cgroupId: ids.docker }), { kind: "Container", namespace: "", workload: "0123456789ab" });
  assert.deepEqual(local({ cgroupId: ids.kubelet }), { kind: "Unit", namespace: "", workload: "kubelet.service" });
  assert.deepEqual(local({ comm: "curl" }), { kind: "Process", namespace: "", workload: "curl" });
  assert.deepEqual(local({ cgroupId: 999_999_999n, comm: "curl" }), {
    kind: "Process",
    namespace: "",
    workload: "curl",
  });
  const laptop = { kind: "Node", namespace: "", workload: "laptop" };
  for (const text of ["192.0.2.1", "10.1.0.5", "127.0.0.1", "::1"]) {
    assert.deepEqual(remote(text), { endpoint: laptop, service: undefined, maybeHere: true, counted: "here" }, text);
  }
  assert.equal(remote("192.0.2.9").endpoint?.workload, "public");
});

test("Resolver takes the kernel's word on cgroups, and on which network is the node's", async (t) => {
  const [kernel, hierarchy] = [new NewsRig(), new Hierarchy()];
  const path = "/k8s-n1";
  const bounds = { cgroupId: hierarchy.id(path), level: 1, netns: 77, path };
  const node = { bounds, hostNetns: [77], agentPath: "", because: "" };
  const { resolver, local, remote } = await host(t, { kernel, node });
  fill(resolver);
  const pod = `${path}/kubepods/burstable/pod${WEB_UID}/${ID.replace("01", "55")}`;
  kernel.fresh = hierarchy.made(pod);
  assert.deepEqual(local({ cgroupId: hierarchy.id(pod), netns: 40, address: address("10.1.0.5") }), WEB);
  const proxy = `${path}/kubepods/pod${PROXY_UID}/${ID.replace("01", "66")}`;
  kernel.fresh = [...hierarchy.made(proxy), hierarchy.gone(proxy)];
  assert.equal(local({ cgroupId: hierarchy.id(proxy), netns: 77 }).workload, "proxy", "gone before it was looked for");
  assert.deepEqual(local({ cgroupId: hierarchy.id(path), netns: 77 }), NODE_1);
  assert.equal(local({ cgroupId: 1n, netns: 77, address: address("10.1.0.5") }).kind, "Node", "not by a pod's address");
  assert.equal(remote("127.0.0.1", 30_080, 77).service?.name, "front", "node ports are for the node's loopback");
  assert.equal(remote("127.0.0.1", 30_080, HOST_NETNS).service, undefined, "and not for that of the first process");
  assert.equal(resolver.stats().kernelCgroups?.lostNews, 0);
});

test("Resolver.shutdown() may be called again, and stats() are plain numbers", async (t) => {
  const { resolver } = await host(t);
  fill(resolver);
  await resolver.shutdown();
  await resolver.shutdown();
  const numbers = Object.values(resolver.stats()).flatMap((value) =>
    typeof value === "object" ? Object.values(value) : value,
  );
  assert.ok(numbers.length > 20);
  for (const number of numbers) assert.ok(Number.isFinite(number));
});

test("Resolver.remote() tells whose clients another node's agent counts", async (t) => {
  const { resolver, remote } = await host(t, { ownPodUid: "agent-1" });
  fill(resolver);
  const counted = () =>
    ["10.1.1.5", "10.1.0.5", "192.0.2.2", "192.0.2.1", "203.0.113.9"].map((text) => remote(text).counted);
  assert.deepEqual(new Set(counted()), new Set(["here"]), "no agent is known");
  for (const [uid, nodeName] of [
    ["agent-1", "node-1"],
    ["agent-2", "node-2"],
  ] as const) {
    resolver.directory.upsertPod(
      pod({ uid, nodeName, hostNetwork: true, owner: { kind: "DaemonSet", name: "weir", uid: "uid-weir" } }),
    );
  }
  assert.deepEqual(counted(), ["there", "here", "there unless forwarded", "here", "here"]);
  resolver.directory.deletePod("agent-2");
  assert.deepEqual(new Set(counted()), new Set(["here"]));
});

test("Resolver.remote() says for how long news of a pod may be under way, and who counts it by the node's pod range", async (t) => {
  const { resolver, time, remote } = await host(t, { ownPodUid: "agent-1" });
  fill(resolver);
  const { directory } = resolver;
  const owner = { kind: "DaemonSet", name: "weir", uid: "uid-weir" };
  for (const [uid, nodeName] of [
    ["agent-1", "node-1"],
    ["agent-2", "node-2"],
  ] as const) {
    directory.upsertPod(pod({ uid, nodeName, hostNetwork: true, owner }));
  }
  const soon = { endpoint: UNKNOWN, service: undefined, maybeHere: true, unsettledMs: 10_000 };
  assert.deepEqual(remote("10.1.1.99"), { ...soon, counted: "there" });
  assert.deepEqual(remote("10.1.0.99"), { ...soon, counted: "here" });
  assert.equal(remote("10.1.1.5").unsettledMs, undefined);

  time.nowMs += 20_000;
  const beforeMs = time.nowMs;
  time.nowMs += 1000;
  const { version } = resolver;
  const far = (fields: object) =>
    deploymentPod("far", { uid: "far", ips: ["10.1.1.5"], nodeName: "node-2", ...fields });
  directory.upsertPod(far({ deleting: true }));
  assert.ok(resolver.version > version, "somebody was told that it was settled");
  assert.deepEqual(remote("10.1.1.5"), {
    endpoint: { ...WEB, workload: "far" },
    service: undefined,
    maybeHere: true,
    counted: "there",
    unsettledMs: 3_000,
  });
  assert.equal(remote("10.1.1.5", 80, HOST_NETNS, beforeMs).unsettledMs, undefined, "before, it was surely its own");

  time.nowMs += 1000;
  directory.upsertPod(far({ deleting: true, terminated: true }));
  assert.deepEqual(remote("10.1.1.5"), { ...soon, counted: "there" }, "the next one's claim is under way");
  const gapMs = time.nowMs;
  time.nowMs += 500;
  directory.upsertPod(deploymentPod("next", { uid: "next", ips: ["10.1.1.5"], nodeName: "node-2" }));
  assert.equal(remote("10.1.1.5").endpoint?.workload, "next");
  time.nowMs += 500;
  directory.deletePod("next");
  assert.notEqual(remote("10.1.1.5", 80, HOST_NETNS, gapMs).unsettledMs, 10_000, "no news will tell more");
});

test("Resolver.local() takes what is in a new pod's cgroup for no other pod, whoever had the namespace and the address", async (t) => {
  const { resolver, ids, local } = await host(t);
  fill(resolver);
  const { directory } = resolver;
  directory.deletePod(WEB_UID);
  directory.upsertPod(deploymentPod("old", { uid: "old", ips: ["10.1.0.5"] }));
  assert.equal(local({ cgroupId: 0n, netns: 40, address: address("10.1.0.5") }).workload, "old");
  assert.equal(local({ cgroupId: ids.fresh, netns: 40, address: address("10.1.0.5") }), resolver.pending);
  directory.upsertPod(deploymentPod("new", { uid: FRESH_UID }));
  assert.equal(local({ cgroupId: ids.fresh, netns: 40, address: address("10.1.0.5") }).workload, "new");
});
