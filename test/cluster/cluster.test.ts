import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { skipWithout } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { DNS_SERVICE } from "./addressing.ts";
import { Cluster } from "./cluster.ts";
import { findLeftovers, type Leftovers } from "./leftovers.ts";

const SKIP = skipWithout("kubernetes", "etcd", "kubelet", "containerd", "coredns", "flannel");
const LOGS = join(import.meta.dirname, "../../build/cluster/rig");
const NOTHING: Leftovers = { namespaces: [], processes: [], cgroups: [] };

describe("the rig of a cluster", { skip: SKIP }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.up({ nodes: 1, logs: LOGS, cgroups: "host" });
    const { name } = cluster.images.peer;
    const metadata = { name: "box", namespace: "rig", labels: { app: "box" } };
    const command = ["sh", "-c", "echo hello; exec sleep 100000"];
    const spec = {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "box", image: name, imagePullPolicy: "Never", command }],
    };
    await cluster.apply([
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "rig" } },
      // By a Deployment, which tries again until there is a ServiceAccount.
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata,
        spec: { selector: { matchLabels: { app: "box" } }, template: { metadata: { labels: { app: "box" } }, spec } },
      },
    ]);
  });
  after(async () => {
    await cluster?.down();
    assert.deepEqual(await findLeftovers(), NOTHING);
  });

  test("Cluster.pod() runs programs where the pod is, and resolves as the pod does", async () => {
    const pod = await cluster.pod("rig", "box", "n1");
    assert.match(await pod.mustRun(["cat", "/etc/resolv.conf"]), new RegExp(`nameserver ${DNS_SERVICE}`));
    assert.equal(await pod.resolve("kube-dns.kube-system.svc.cluster.local"), DNS_SERVICE);
    assert.match(await cluster.logs("rig", pod.name), /^hello$/m);
  });

  test("ClusterNode.mustRun() and Cluster.outside run programs on a node, and beside the cluster", async () => {
    const hostname = await cluster.node("n1").mustRun(["hostname"]);
    assert.equal(hostname.trim(), "n1");
    assert.match(await cluster.outside.mustRun(["ip", "-brief", "addr", "show", "eth0"]), /10\.246\.0\.200/);
  });

  test("the cgroup view is the one that was asked for", async () => {
    const pod = await cluster.pod("rig", "box");
    assert.match(
      await pod.mustRun(["cat", "/proc/self/cgroup"]),
      /^0::\/weir-cluster\/n1\/kubepods\/besteffort\/pod[0-9a-f-]{36}\/[0-9a-f]{64}$/m,
    );
  });
});

test("a cluster whose process was killed is taken down", { skip: SKIP }, async () => {
  const source = `import { Cluster } from "${join(import.meta.dirname, "cluster.ts")}";
    await Cluster.up({ nodes: 1, logs: ${JSON.stringify(`${LOGS}-killed`)} });
    console.log("up");
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module-typescript", "--eval", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = await Promise.race([once(holder.stdout, "data"), once(holder, "exit")]);
  assert.equal(String(said).trim(), "up");
  assert.ok((await findLeftovers()).processes.length > 5, "a node's programs and CoreDNS");
  holder.kill("SIGKILL");
  const gone = async () => {
    assert.deepEqual(await findLeftovers(), NOTHING);
    return true;
  };
  await waitUntil(gone, { what: "the cluster to be gone", deadlineMs: 15_000, intervalMs: 250 });
});

test("Cluster.up() refuses a machine in a network that it cannot be part of", { skip: SKIP }, async () => {
  await assert.rejects(Cluster.up({ machine: true, network: "flannel", logs: LOGS }), {
    message: "Cannot bring up a cluster with a machine: the network must be routes, its current value is flannel",
  });
});
