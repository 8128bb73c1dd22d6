import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { ApiServer } from "../rig/api-server.ts";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { skipWithout } from "../rig/tools.ts";
import { SERVICE_CIDR } from "./addressing.ts";
import { Lab } from "./lab.ts";
import { WORKLOAD_KINDS } from "./workload.ts";

test("Lab writes its objects to a real API server, whose UIDs name the cgroups", {
  skip: skipWithout("kubernetes", "etcd"),
}, async () => {
  const server = await ApiServer.start({ serviceCidrs: `${SERVICE_CIDR.v4},${SERVICE_CIDR.v6}` });
  try {
    await using lab = await Lab.up({ store: server.admin });
    for (const kind of WORKLOAD_KINDS) {
      const name = kind.toLowerCase();
      const { pod } = await lab.workload({ kind, namespace: "shop", name, nodes: ["n1"] });
      const stored = await server.admin.get(pod.object());
      assert.equal(stored.metadata.uid, pod.uid);
      assert.equal(basename(pod.cgroup), `pod${stored.metadata.uid}`);
      assert.deepEqual((stored["status"] as { podIPs: unknown }).podIPs, [
        { ip: pod.address.v4 },
        { ip: pod.address.v6 },
      ]);
    }
    await lab.workload({ kind: "Pod", namespace: "shop", name: "on-host", nodes: ["n2"], hostNetwork: true });
    const ports = [{ port: 80, targetPort: 8080, nodePort: 30_080 }];
    await lab.service({ namespace: "shop", name: "web", selector: { app: "deployment" }, ports });
    await lab.service({
      namespace: "shop",
      name: "db",
      selector: { app: "statefulset" },
      ports: [{ port: 6379 }],
      headless: true,
    });

    const names = async (apiVersion: string, kind: string) =>
      ((await server.admin.list(apiVersion, kind)) as KubernetesObject[]).map((object) => object.metadata.name);
    const set = lab.objects().find((object) => object.kind === "ReplicaSet");
    const [owner] = (set?.metadata["ownerReferences"] ?? []) as { uid: string }[];
    const [deployment] = (await server.admin.list("apps/v1", "Deployment", "shop")) as KubernetesObject[];
    assert.equal(owner?.uid, deployment?.metadata.uid);
    const nodes = (await server.admin.list("v1", "Node")) as KubernetesObject[];
    const addresses = nodes.map((node) =>
      (node["status"] as { addresses: { address: string }[] }).addresses.map((entry) => entry.address),
    );
    assert.deepEqual(addresses, [
      ["10.98.0.11", "fd00:10:98::11", "n1"],
      ["10.98.0.12", "fd00:10:98::12", "n2"],
    ]);
    assert.deepEqual(
      (await names("v1", "Service")).filter((name) => name !== "kubernetes"),
      ["db", "web"],
    );
    const slices = (await server.admin.list("discovery.k8s.io/v1", "EndpointSlice", "shop")) as KubernetesObject[];
    assert.deepEqual(
      slices.map((slice) => slice.metadata.name),
      ["db-ipv4", "db-ipv6", "web-ipv4", "web-ipv6"],
    );

    const victim = lab.pods[0];
    assert.ok(victim);
    await lab.deletePod(victim);
    assert.ok(!(await names("v1", "Pod")).includes(victim.name));
  } finally {
    await server.stop();
  }
});
