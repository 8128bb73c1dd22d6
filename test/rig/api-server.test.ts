import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { ApiServer } from "./api-server.ts";
import { ApiError, type KubernetesObject } from "./kubernetes-client.ts";
import { skipWithout, toolPath } from "./tools.ts";
import { waitUntil } from "./wait-until.ts";

const namespace: KubernetesObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };

function pod(name: string, ip: string): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "shop", labels: { app: name } },
    spec: { nodeName: "n1", containers: [{ name: "main", image: "none" }] },
    status: { phase: "Running", podIP: ip, podIPs: [{ ip }, { ip: "fd00::7" }] },
  };
}

async function can(kubeconfig: string, ...what: string[]): Promise<string> {
  const kubectl = await toolPath("kubernetes", "kubectl");
  const asked = promisify(execFile)(kubectl, ["--kubeconfig", kubeconfig, "auth", "can-i", ...what]);
  const { stdout } = await asked.catch((error: { stdout: string }) => error);
  return stdout.trim();
}

suite("ApiServer", { skip: skipWithout("kubernetes", "etcd") }, () => {
  let server: ApiServer;
  before(async () => {
    server = await ApiServer.start();
    await server.admin.apply([namespace]);
  });
  after(() => server.stop());

  test("apply() stores objects with their status, and updates both", async () => {
    const [stored] = await server.admin.apply([pod("web", "10.1.2.3")]);
    assert.ok(stored?.metadata.uid);
    const read = await server.admin.get(pod("web", ""));
    assert.equal(read.metadata.uid, stored.metadata.uid);
    assert.deepEqual((read["status"] as { podIPs: unknown }).podIPs, [{ ip: "10.1.2.3" }, { ip: "fd00::7" }]);
    const [moved] = await server.admin.apply([pod("web", "10.1.2.4")]);
    assert.equal(moved?.metadata.uid, stored.metadata.uid);
    assert.deepEqual((moved["status"] as { podIPs: unknown }).podIPs, [{ ip: "10.1.2.4" }, { ip: "fd00::7" }]);
  });

  test("apply() puts namespaces first and answers in the order it was asked", async () => {
    const names = Array.from({ length: 23 }, (_, index) => `many-${index}`);
    const objects = names.map((name) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "late" },
    }));
    const late = { apiVersion: "v1", kind: "Namespace", metadata: { name: "late" } };
    const stored = await server.admin.apply([...objects, late]);
    assert.deepEqual(
      stored.map((object) => object.metadata.name),
      [...names, "late"],
    );
    assert.equal((await server.admin.list("v1", "ConfigMap", "late")).length, 23);
    await server.admin.delete(late);
    await assert.rejects(server.admin.get(late), { name: "ApiError", status: 404, reason: "NotFound" });
  });

  test("apply() names the object's path when the server refuses it, and leaves the rest unwritten", async () => {
    const maps = Array.from({ length: 104 }, (_, index) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: index === 0 ? "Not Valid" : `rest-${index}`, namespace: "default" },
    }));
    await assert.rejects(server.admin.apply(maps), /Cannot PATCH .*Not%20Valid.*: 422 /);
    await assert.rejects(server.admin.get({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "rest-103" } }), {
      name: "ApiError",
      reason: "NotFound",
    });
    await assert.rejects(server.admin.apply([{ ...namespace, kind: "Nothing" }]), /Cannot find kind "Nothing" in v1/);
  });

  test("create(), patchStatus() and delete() act at once on pods, Deployments and dual-stack Services", async () => {
    const { status: _, ...cart } = pod("cart", "");
    await server.admin.create(cart);
    await assert.rejects(server.admin.create(cart), { name: "ApiError", status: 409, reason: "AlreadyExists" });
    const patched = await server.admin.patchStatus(cart, { podIP: "10.1.2.9", podIPs: [{ ip: "10.1.2.9" }] });
    assert.equal((patched["status"] as { podIP: string }).podIP, "10.1.2.9");
    await server.admin.delete(cart);
    await assert.rejects(server.admin.get(cart), { name: "ApiError", status: 404, reason: "NotFound" });

    const [service, deployment] = await server.admin.apply([
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "cart", namespace: "shop" },
        spec: {
          clusterIP: "10.96.7.7",
          ipFamilyPolicy: "RequireDualStack",
          ports: [{ port: 80 }],
          selector: { app: "cart" },
        },
      },
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "cart", namespace: "shop" },
        spec: {
          selector: { matchLabels: { app: "cart" } },
          template: { metadata: { labels: { app: "cart" } }, spec: { containers: [{ name: "main", image: "none" }] } },
        },
      },
    ]);
    assert.ok(service);
    const { clusterIPs } = service["spec"] as { clusterIPs: string[] };
    assert.equal(clusterIPs[0], "10.96.7.7");
    assert.match(clusterIPs[1] ?? "", /^fd00:10:96::/);
    assert.equal(deployment?.apiVersion, "apps/v1");
  });

  test("delete() with a grace period leaves the pod terminating, as a kubelet would find it", async () => {
    await server.admin.apply([pod("slow", "10.1.2.10")]);
    await server.admin.delete(pod("slow", ""), { gracePeriodSeconds: 30 });
    assert.ok((await server.admin.get(pod("slow", ""))).metadata["deletionTimestamp"]);
    await server.admin.delete(pod("slow", ""));
    await assert.rejects(server.admin.get(pod("slow", "")), ApiError);
  });

  test("serviceAccountKubeconfig() may do nothing until RBAC says so", async () => {
    const kubeconfig = await server.serviceAccountKubeconfig("shop", "agent");
    assert.equal(await can(kubeconfig, "list", "pods", "-A"), "no");
    const rbac = "rbac.authorization.k8s.io";
    await server.admin.apply([
      {
        apiVersion: `${rbac}/v1`,
        kind: "ClusterRole",
        metadata: { name: "agent" },
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }],
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: "ClusterRoleBinding",
        metadata: { name: "agent" },
        roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "agent" },
        subjects: [{ kind: "ServiceAccount", name: "agent", namespace: "shop" }],
      },
    ]);
    const allowed = async () => (await can(kubeconfig, "list", "pods", "-A")) === "yes";
    await waitUntil(allowed, { what: "the binding to reach the authorizer" });
    assert.equal(await can(kubeconfig, "delete", "pods", "-A"), "no");
    assert.equal(await can(server.adminKubeconfig, "delete", "nodes"), "yes");
  });

  test("kill() refuses connections, restart() serves the same data on the same port", async () => {
    const { url } = server;
    const [before] = await server.admin.apply([pod("kept", "10.1.2.11")]);
    await server.kill();
    // A kept-alive connection may notice first.
    await assert.rejects(server.admin.get(pod("kept", "")), /ECONNREFUSED|ECONNRESET|socket hang up/);
    await server.restart();
    assert.equal(server.url, url);
    assert.equal((await server.admin.get(pod("kept", ""))).metadata.uid, before?.metadata.uid);
    await server.restart();
    assert.equal((await server.admin.get(pod("kept", ""))).metadata.uid, before?.metadata.uid);
  });
});

test("ApiServer.start() listens on every address when asked, and stop() removes everything", {
  skip: skipWithout("kubernetes", "etcd"),
}, async () => {
  const server = await ApiServer.start({
    bindAddress: "0.0.0.0",
    addresses: ["127.0.0.7"],
    advertiseAddress: "192.0.2.9",
  });
  const directory = dirname(server.adminKubeconfig);
  try {
    const kubeconfig = await server.serviceAccountKubeconfig("default", "anyone", "127.0.0.7");
    assert.equal(await can(kubeconfig, "create", "selfsubjectaccessreviews.authorization.k8s.io"), "yes");
    const endpoint = await server.admin.get({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "kubernetes", namespace: "default" },
    });
    assert.deepEqual((endpoint["endpoints"] as { addresses: string[] }[])[0]?.addresses, ["192.0.2.9"]);
  } finally {
    await server.stop();
  }
  assert.equal(server.running, false);
  assert.equal(existsSync(directory), false);
  await server.stop();
});
