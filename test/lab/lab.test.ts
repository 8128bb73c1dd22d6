import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PATIENCE } from "../rig/slowness.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { NOBODY, NOWHERE, nodeAddress } from "./addressing.ts";
import { CgroupTree } from "./cgroup-tree.ts";
import { Guard } from "./guard.ts";
import { Lab } from "./lab.ts";
import { findLeftovers } from "./leftovers.ts";
import { startNginx } from "./nginx.ts";
import { connectPeer, PeerClient, PeerServer } from "./peer.ts";
import { Place } from "./place.ts";
import type { Pod } from "./pod.ts";
import { Program } from "./program.ts";
import type { Service } from "./service.ts";
import type { Workload } from "./workload.ts";

// Primes, so that no sum or double comes out by accident.
const CONNECTIONS = 23;
const REQUEST_BYTES = 104_729;
const RESPONSE_BYTES = 7_919;

describe("Lab", () => {
  let lab: Lab;
  let web: Workload;
  let near: Pod;
  let far: Pod;
  let client: Pod;
  let service: Service;

  before(async () => {
    lab = await Lab.up();
    web = await lab.workload({ kind: "Deployment", namespace: "shop", name: "web", nodes: ["n1", "n2"] });
    [near, far] = web.pods as [Pod, Pod];
    client = await lab.pod({ namespace: "shop", name: "client", node: "n1", containers: ["app", "sidecar"] });
    const ports = [{ port: 80, targetPort: 8080, nodePort: 30_080 }];
    service = await lab.service({ namespace: "shop", name: "web", selector: { app: "web" }, ports });
  });
  after(() => lab.down());

  test("Pod.start() puts a program into its container's cgroup and the pod's network namespace", async () => {
    const program = client.start("sidecar", [lab.peer, "pause"]);
    await program.waitUntil("its name", async () =>
      (await readFile(`/proc/${program.pid}/comm`, "utf8")).startsWith("peer"),
    );
    const own = (await readFile(`/proc/${program.pid}/cgroup`, "utf8"))
      .split("\n")
      .find((line) => line.startsWith("0::"));
    const id = client.container("sidecar").id;
    assert.equal(own, `0::/weir-lab/n1/kubepods/burstable/pod${client.uid}/${id}`);
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.ok((await client.mustRun("app", ["ip", "-br", "addr"])).includes(client.address.v4));
    await program.stop();
  });

  test("pods of one node reach each other over the bridge, with exact bytes", async () => {
    const before = await lab.node("n1").deviceCounters("flannel.1");
    for (const to of [near.address.v4, near.address.v6, `::ffff:${near.address.v4}`])
      await exchange(near, to, 8080, client);
    assert.deepEqual(await lab.node("n1").deviceCounters("flannel.1"), before);
  });

  test("pods of two nodes reach each other through the VXLAN, over both IP versions", async () => {
    for (const [to, device] of [
      [far.address.v4, "flannel.1"],
      [far.address.v6, "flannel-v6.1"],
    ] as const) {
      const before = await lab.node("n1").deviceCounters(device);
      await exchange(far, to, 8080, client);
      const after = await lab.node("n1").deviceCounters(device);
      assert.ok(after.sentBytes - before.sentBytes > CONNECTIONS * REQUEST_BYTES, device);
      assert.ok(after.receivedBytes - before.receivedBytes > CONNECTIONS * RESPONSE_BYTES, device);
    }
  });

  test("a pod reaches other nodes at once after ports of any addresses have come to its node's bridge", async () => {
    const { host } = lab.node("n1");
    for (const [name, address] of [
      ["low", "02:00:00:00:00:02"],
      ["lower", "02:00:00:00:00:01"],
    ] as const) {
      await host.mustRun(["ip", "link", "add", name, "address", address, "master", "cni0", "type", "veth"]);
      const beganMs = performance.now();
      await exchange(far, far.address.v4, 8080, client);
      assert.ok(performance.now() - beganMs < 1_000 * PATIENCE);
    }
    for (const name of ["low", "lower"]) await host.mustRun(["ip", "link", "del", name]);
  });

  test("two containers of one pod reach each other over loopback", async () => {
    await exchange(client, "127.0.0.1", 8081, client, "sidecar");
  });

  test("a ClusterIP of either version reaches all pods of the Service and no other", async () => {
    for (const to of [service.clusterIP?.v4, service.clusterIP?.v6]) await exchangeWithWeb(to as string, 80, client);
  });

  test("a NodePort reaches the pods from outside, through any node, masqueraded", async () => {
    for (const index of [1, 2]) {
      await exchangeWithWeb(nodeAddress(index).v4, 30_080, undefined);
      await exchangeWithWeb(nodeAddress(index).v6, 30_080, undefined);
    }
    const http = "server { listen 8080; return 200 $remote_addr; }";
    const servers = await Promise.all(web.pods.map((pod) => startNginx(lab, pod.place, 8080, http)));
    const seen = await lab.outside.mustRun(["curl", "-sS", `http://${nodeAddress(1).v4}:30080/`]);
    assert.ok(["10.245.1.1", "10.245.1.0"].includes(seen), seen);
    await Promise.all(servers.map((server) => server.stop()));
  });

  test("a Service without pods refuses, and has its rules when pods come", async () => {
    const late = await lab.service({
      namespace: "shop",
      name: "late",
      selector: { app: "late" },
      ports: [{ port: 80 }],
    });
    for (const to of [late.clusterIP?.v4, late.clusterIP?.v6]) {
      assert.equal((await connectPeer(client.place, { to: to as string, port: 80 })).failures.refused, 1);
    }
    const pod = await lab.pod({ namespace: "shop", name: "late", node: "n2" });
    const server = await PeerServer.start(pod.place, { port: 80 });
    assert.equal((await connectPeer(client.place, { to: late.clusterIP?.v4 as string, port: 80 })).opened, 1);
    assert.equal((await server.stop()).opened, 1);
    await lab.deletePod(pod);
    assert.equal((await connectPeer(client.place, { to: late.clusterIP?.v4 as string, port: 80 })).failures.refused, 1);
  });

  test("connections fail as designed: refused, timeout, unreachable, reset", async () => {
    const nobodyListens = await connectPeer(client.place, { to: far.address.v4, port: 9999, count: 3 });
    assert.deepEqual([nobodyListens.failed, nobodyListens.failures.refused], [3, 3]);

    const server = await PeerServer.start(far.place, { port: 8082, read: 5, respond: 3, close: "reset" });
    const drop = await far.fault({ kind: "drop", port: 8082 });
    const dropped = await connectPeer(client.place, { to: far.address.v4, port: 8082, count: 2, synRetries: 1 });
    assert.deepEqual([dropped.failed, dropped.failures.timeout], [2, 2]);
    // How many retries fit into the time is the kernel's choice.
    assert.ok((await drop.packets()) >= 4, "a SYN and at least one retry, of two connections");
    const impatient = await connectPeer(client.place, { to: far.address.v4, port: 8082, count: 2, giveUpMs: 100 });
    assert.deepEqual([impatient.failed, impatient.failures.gaveUp], [2, 2]);
    await drop.remove();

    const rejected = await far.fault({ kind: "unreachable", port: 8082 });
    const unreachable = await connectPeer(client.place, { to: far.address.v6, port: 8082, count: 3 });
    assert.deepEqual([unreachable.failed, unreachable.failures.unreachable], [3, 3]);
    await rejected.remove();
    for (const to of [NOBODY.v4, NOBODY.v6, NOWHERE.v4, NOWHERE.v6]) {
      assert.equal((await connectPeer(client.place, { to, port: 80 })).failures.unreachable, 1, to);
    }

    const reset = await connectPeer(client.place, { to: far.address.v4, port: 8082, count: 5, send: 5, expect: "eof" });
    assert.deepEqual([reset.opened, reset.resets, reset.bytesReceived], [5, 5, 15]);
    assert.equal((await server.stop()).opened, 5);
  });

  test("PeerClient holds connections open and exchanges again on demand; sendfile counts alike", async () => {
    const server = await PeerServer.start(near.place, { port: 8083, read: REQUEST_BYTES, respond: RESPONSE_BYTES });
    const options = { to: near.address.v4, port: 8083, count: CONNECTIONS, hold: true, sendfile: true };
    const held = await PeerClient.start(client.place, { ...options, send: REQUEST_BYTES, expect: RESPONSE_BYTES });
    await held.holding();
    await held.nextRound();
    await held.nextRound();
    const sent = await held.stop();
    const served = await server.stop();
    assert.deepEqual(
      [sent.opened, sent.exchanges, sent.bytesSent],
      [CONNECTIONS, 3 * CONNECTIONS, 3 * CONNECTIONS * REQUEST_BYTES],
    );
    assert.deepEqual(
      [served.closed, served.bytesReceived, served.bytesSent],
      [CONNECTIONS, sent.bytesSent, sent.bytesReceived],
    );
  });

  test("PeerClient.stop() lets exchanges that are under way end", async () => {
    const server = await PeerServer.start(near.place, { port: 8086, read: REQUEST_BYTES, respond: RESPONSE_BYTES });
    const options = { to: near.address.v4, port: 8086, count: 1_000_000, ratePerSecond: 500 };
    const load = await PeerClient.start(client.place, { ...options, send: REQUEST_BYTES, expect: RESPONSE_BYTES });
    await delay(100);
    const freeze = (on: "0" | "1") => writeFile(`${near.place.cgroup}/cgroup.freeze`, on);
    await freeze("1");
    await delay(50);
    const stopped = load.stop();
    await delay(50);
    await freeze("0");
    const { attempted, closed, exchanges } = await stopped;
    assert.ok(attempted > 0);
    assert.deepEqual([closed, exchanges], [attempted, attempted]);
    assert.equal((await server.stop()).exchanges, exchanges);
  });

  test("10 000 connections in a burst all succeed", async () => {
    const server = await PeerServer.start(client.place, { port: 8084, read: 7, respond: 11 });
    const place = client.container("sidecar").place;
    const options = {
      to: "127.0.0.1",
      port: 8084,
      count: 10_000,
      concurrency: 10_000,
      send: 7,
      expect: 11,
      source: "127.0.0.1+4",
    };
    const made = await connectPeer(place, options);
    assert.deepEqual([made.opened, made.closed, made.failed, made.exchanges], [10_000, 10_000, 0, 10_000]);
    assert.equal((await server.stop()).closed, 10_000);
  });

  test("real programs run in pods: iperf3, redis, bash", async () => {
    const iperf = far.start("app", ["iperf3", "-s", "-1", "-p", "5201"]);
    await iperf.waitForListener(5201);
    const bytes = 104_729 * 64;
    const report = await client.mustRun("app", [
      "iperf3",
      "-J",
      "-c",
      far.address.v4,
      "-p",
      "5201",
      "-n",
      String(bytes),
    ]);
    assert.ok(JSON.parse(report).end.sum_sent.bytes >= bytes);
    const redis = far.start("app", [
      "redis-server",
      "--port",
      "6379",
      "--protected-mode",
      "no",
      "--save",
      "",
      "--bind",
      "0.0.0.0",
      "::",
    ]);
    await redis.waitForListener(6379);
    assert.equal(
      (await client.mustRun("app", ["redis-cli", "-h", far.address.v6, "incrby", "weir", "104729"])).trim(),
      "104729",
    );
    const shell = `exec 3<>/dev/tcp/${far.address.v4}/6379; printf 'GET weir\\r\\n' >&3; read -r -u 3; read -r -u 3 value; echo "$value"`;
    assert.equal((await client.mustRun("app", ["bash", "-c", shell])).trim(), "104729");
    await redis.stop();
  });

  test("Lab.objects() shows pods with owners, addresses and containers as a cluster does", () => {
    const objects = lab.objects();
    const find = (kind: string, name: string) =>
      objects.find((object) => object.kind === kind && object.metadata.name === name) as
        | Record<string, Json>
        | undefined;
    const pod = find("Pod", near.name);
    const owner = pod?.["metadata"].ownerReferences[0];
    const hash = pod?.["metadata"].labels["pod-template-hash"];
    assert.deepEqual([owner.kind, owner.name, owner.controller], ["ReplicaSet", `web-${hash}`, true]);
    const set = find("ReplicaSet", owner.name);
    assert.equal(set?.["metadata"].uid, owner.uid);
    assert.equal(set?.["metadata"].ownerReferences[0].uid, find("Deployment", "web")?.["metadata"].uid);
    assert.equal(pod?.["metadata"].uid, near.uid);
    assert.equal(pod?.["spec"].nodeName, "n1");
    assert.equal(pod?.["status"].phase, "Running");
    assert.deepEqual(pod?.["status"].podIPs, [{ ip: near.address.v4 }, { ip: near.address.v6 }]);
    assert.equal(pod?.["status"].containerStatuses[0].containerID, `containerd://${near.container().id}`);
    assert.deepEqual(find("Service", "web")?.["spec"].clusterIPs, [service.clusterIP?.v4, service.clusterIP?.v6]);
    const slice = find("EndpointSlice", "web-ipv4");
    assert.deepEqual(slice?.["endpoints"].map((endpoint: { addresses: string[] }) => endpoint.addresses[0]).sort(), [
      near.address.v4,
      far.address.v4,
    ]);
  });

  test("a new pod can have a deleted pod's address, and a finished one keeps its object", async () => {
    const first = await lab.pod({ name: "first", node: "n2", host: 200 });
    const process = first.start("app", [lab.peer, "pause"]);
    await lab.deletePod(first);
    assert.equal((await process.exited).signal, "SIGKILL");
    const second = await lab.pod({ name: "second", node: "n2", host: 200 });
    assert.equal(second.address.v4, "10.245.2.200");
    await exchange(second, second.address.v4, 8080, client);
    await lab.finishPod(second, "Succeeded");
    const phases = lab
      .objects()
      .filter((object) => object.kind === "Pod" && ["first", "second"].includes(object.metadata.name));
    assert.deepEqual(
      phases.map((object) => (object["status"] as { phase: string }).phase),
      ["Succeeded"],
    );
  });

  test("a hostNetwork pod has its node's address and a cgroup of its own", async () => {
    const pod = await lab.pod({ name: "on-host", node: "n2", hostNetwork: true });
    assert.deepEqual(pod.address, nodeAddress(2));
    await exchange(pod, nodeAddress(2).v4, 8085, client);
    await lab.deletePod(pod);
  });

  async function exchange(serverPod: Pod, to: string, port: number, from: Pod, container = "app"): Promise<void> {
    const server = await PeerServer.start(serverPod.place, { port, read: REQUEST_BYTES, respond: RESPONSE_BYTES });
    const place = from.container(container).place;
    const made = await connectPeer(place, {
      to,
      port,
      count: CONNECTIONS,
      send: REQUEST_BYTES,
      expect: RESPONSE_BYTES,
    });
    const served = await server.stop();
    assert.deepEqual([made.opened, made.closed, made.failed], [CONNECTIONS, CONNECTIONS, 0]);
    assert.deepEqual([made.bytesSent, made.bytesReceived], [CONNECTIONS * REQUEST_BYTES, CONNECTIONS * RESPONSE_BYTES]);
    assert.deepEqual(
      [served.opened, served.bytesReceived, served.bytesSent],
      [CONNECTIONS, made.bytesSent, made.bytesReceived],
    );
  }

  /** Through the Service; `from` undefined: from outside. 100 connections leave neither of two pods out (2 to the -99). */
  async function exchangeWithWeb(to: string, port: number, from: Pod | undefined): Promise<void> {
    const options = { port: 8080, read: 7, respond: 11 };
    const servers = await Promise.all(web.pods.map((pod) => PeerServer.start(pod.place, options)));
    const made = await connectPeer(from?.place ?? lab.outside, { to, port, count: 100, send: 7, expect: 11 });
    const served = await Promise.all(servers.map((server) => server.stop()));
    assert.deepEqual([made.opened, made.bytesReceived], [100, 1100]);
    assert.equal(
      served.reduce((sum, totals) => sum + totals.opened, 0),
      100,
    );
    assert.ok(served.every((totals) => totals.opened > 0));
  }
});

test("Lab.up() makes Services of iptables rules just as well", async () => {
  await using lab = await Lab.up({ proxy: "iptables" });
  const web = await lab.workload({ kind: "StatefulSet", name: "web", nodes: ["n1", "n2", "n2"] });
  const ports = [{ port: 80, targetPort: 8080, nodePort: 30_080 }];
  const service = await lab.service({ name: "web", selector: { app: "web" }, ports });
  const empty = await lab.service({ name: "empty", selector: { app: "nothing" }, ports: [{ port: 80 }] });
  assert.deepEqual(
    web.pods.map((pod) => pod.name),
    ["web-0", "web-1", "web-2"],
  );
  const servers = await Promise.all(
    web.pods.map((pod) => PeerServer.start(pod.place, { port: 8080, read: 7, respond: 11 })),
  );
  const clusterIP = service.clusterIP as { v4: string; v6: string };
  const client = await lab.pod({ name: "client", node: "n1" });
  for (const to of [clusterIP.v4, clusterIP.v6]) {
    const made = await connectPeer(client.place, { to, port: 80, count: 150, send: 7, expect: 11 });
    assert.deepEqual([made.opened, made.bytesReceived], [150, 1650]);
  }
  for (const to of [nodeAddress(1).v4, nodeAddress(2).v6]) {
    assert.equal(
      (await connectPeer(lab.outside, { to, port: 30_080, count: 150, send: 7, expect: 11 })).exchanges,
      150,
    );
  }
  assert.equal((await connectPeer(client.place, { to: empty.clusterIP?.v4 as string, port: 80 })).failures.refused, 1);
  const served = await Promise.all(servers.map((server) => server.stop()));
  assert.equal(
    served.reduce((sum, totals) => sum + totals.opened, 0),
    600,
  );
  assert.ok(served.every((totals) => totals.opened > 0));
});

describe("the lab's end", () => {
  const NOTHING = { namespaces: [], processes: [], cgroups: [] };

  test("Lab.down() leaves no namespace, cgroup or process", async () => {
    const lab = await Lab.up();
    const pod = await lab.pod({ name: "p", node: "n1" });
    await PeerServer.start(pod.place, { port: 80 });
    const found = await findLeftovers();
    assert.ok(found.namespaces.length >= 5 && found.processes.length >= 2 && found.cgroups.length >= 8);
    await lab.down();
    await lab.down();
    assert.deepEqual(await findLeftovers(), NOTHING);
  });

  test("kill -9 of the process that holds the lab tears it down", async () => {
    const path = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
    const source = `import { Lab } from ${path("lab.ts")};
      import { startNginx } from ${path("nginx.ts")};
      const lab = await Lab.up();
      const pod = await lab.pod({ name: "p", node: "n1" });
      const nginx = await startNginx(lab, pod.place, 80, "server { listen 80; }");
      console.log("up");
      await nginx.exited;`;
    const holder = spawn(process.execPath, ["--input-type=module-typescript", "-e", source], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const up = await new Promise<string>((resolve) => {
      holder.stdout.once("data", (data) => resolve(String(data).trim()));
      holder.once("exit", (code) => resolve(`ended with ${code}`));
    });
    assert.equal(up, "up");
    assert.ok((await findLeftovers()).processes.length >= 4, "sandbox, nginx and its workers");
    holder.kill("SIGKILL");
    // The guard tears down before it gives the lock back.
    await (await Guard.take(60_000)).release();
    assert.deepEqual(await findLeftovers(), NOTHING);
    assert.deepEqual(
      (await readdir("/run")).filter((name) => name === "weir-lab"),
      [],
    );
  });

  test("Lab.up() removes what a killed lab and its killed guard left", async () => {
    await Program.mustRun(["ip", "netns", "add", "weir-lab-n1"]);
    const tree = await CgroupTree.find();
    const left = await tree.make("n9/kubepods/burstable/podX/Y");
    const orphan = new Place("/run/netns/weir-lab-n1", left).start(["sleep", "1000"]);
    await waitUntil(async () => (await tree.processes(left)).length === 1, { what: "the orphan in its cgroup" });
    const lab = await Lab.up();
    assert.equal((await orphan.exited).signal, "SIGKILL");
    await lab.down();
    assert.deepEqual(await findLeftovers(), NOTHING);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON holds
type Json = any;
