import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { ApiClient } from "../../src/kubernetes/api-client.ts";
import { inClusterCredentials } from "../../src/kubernetes/credentials.ts";
import { endpointSlices } from "../../src/kubernetes/endpoint-slices.ts";
import { firstBytes } from "../../src/kubernetes/http/byte-source.ts";
import { kubeconfigCredentials } from "../../src/kubernetes/kubeconfig.ts";
import { KubernetesWatches } from "../../src/kubernetes/kubernetes-watches.ts";
import { nodes } from "../../src/kubernetes/nodes.ts";
import { pods } from "../../src/kubernetes/pods.ts";
import { services } from "../../src/kubernetes/services.ts";
import { ApiServer } from "../rig/api-server.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { skipWithout } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { decodeMutated } from "./decode-mutated.ts";
import { RecordingSink } from "./recording-sink.ts";

const skip = skipWithout("kubernetes", "etcd");
const TIMING = { startJitterMs: 0, backoffBaseMs: 20, backoffMaxMs: 200, deniedBaseMs: 20, deniedMaxMs: 100 };
const until = (what: string, condition: () => unknown) => waitUntil(() => Boolean(condition()), { what });

const podObject = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "default",
    labels: { "pod-template-hash": "5d9c7b8f6" },
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d9c7b8f6", uid: "11111111-2222", controller: true },
    ],
  },
  spec: { nodeName: "node-1", containers: [{ name: "web", image: "web:1" }], ...spec },
});

const running = {
  phase: "Running",
  startTime: "2026-01-02T03:04:05Z",
  podIP: "10.1.0.7",
  podIPs: [{ ip: "10.1.0.7" }, { ip: "fd00::7" }],
  containerStatuses: [
    {
      name: "web",
      ready: true,
      restartCount: 0,
      state: { running: { startedAt: "2026-01-02T03:04:07Z" } },
      image: "web:1",
      imageID: "sha256:1",
      containerID: `containerd://${"5f".repeat(32)}`,
    },
  ],
};

let server: ApiServer;

before(async () => {
  if (skip === false) server = await ApiServer.start();
});
after(async () => {
  if (skip === false) await server.stop();
});

async function watchAll() {
  const sink = new RecordingSink();
  const credentials = await kubeconfigCredentials(server.adminKubeconfig);
  const watches = new KubernetesWatches({ credentials, sink, timing: TIMING });
  watches.start();
  await watches.whenSynced();
  return { sink, watches };
}

test("KubernetesWatches sees what a real API server has, every change, and a restart", { skip }, async (t) => {
  const [stored] = await server.admin.apply([{ ...podObject("web"), status: running }]);
  await server.admin.apply([
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: {
        type: "NodePort",
        ipFamilyPolicy: "RequireDualStack",
        externalIPs: ["192.0.2.9"],
        selector: { app: "web" },
        ports: [{ port: 80, targetPort: 8080, nodePort: 30_080 }],
      },
    },
    {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "node-1", labels: { "topology.kubernetes.io/zone": "z-1" } },
      spec: { podCIDR: "10.1.0.0/24", podCIDRs: ["10.1.0.0/24"] },
      status: { addresses: [{ type: "InternalIP", address: "192.0.2.1" }] },
    },
  ]);
  const { sink, watches } = await watchAll();
  t.after(() => watches.shutdown());

  assert.deepEqual(sink.podNamed("web"), {
    uid: stored?.metadata.uid,
    namespace: "default",
    name: "web",
    nodeName: "node-1",
    hostNetwork: false,
    phase: "Running",
    isReady: false,
    deleting: false,
    terminated: false,
    startedSeconds: Date.parse("2026-01-02T03:04:05Z") / 1000,
    runningSeconds: Date.parse("2026-01-02T03:04:07Z") / 1000,
    ips: ["10.1.0.7", "fd00::7"],
    owner: { kind: "ReplicaSet", name: "web-5d9c7b8f6", uid: "11111111-2222" },
    podTemplateHash: "5d9c7b8f6",
    rolloutTemplateHash: "",
    service: undefined,
    chosen: [],
    containers: [{ name: "web", id: "5f".repeat(32) }],
  });
  const service = [...sink.services.values()].find(({ name }) => name === "web");
  assert.equal(service?.clusterIPs.length, 2);
  assert.deepEqual([service?.type, service?.externalIPs], ["NodePort", ["192.0.2.9"]]);
  assert.deepEqual(service?.ports, [{ protocol: "TCP", port: 80, nodePort: 30_080 }]);
  const [node] = [...sink.nodes.values()];
  assert.deepEqual(
    [node?.name, node?.addresses, node?.podCIDRs, node?.zone, node?.region],
    ["node-1", ["192.0.2.1"], ["10.1.0.0/24"], "z-1", ""],
  );

  await server.admin.apply([podObject("late", { hostNetwork: true })]);
  await until("the new pod", () => sink.podNamed("late")?.hostNetwork === true);
  await server.admin.patchStatus(podObject("late"), { phase: "Succeeded" });
  await until("its new phase", () => sink.podNamed("late")?.phase === "Succeeded");
  await server.admin.delete(podObject("late"));
  await until("its deletion", () => sink.podNamed("late") === undefined);

  // Changes to what is not watched move the server's version past the one that the watches know: after a restart its cache does
  // not go back that far, and it answers 410.
  for (let index = 0; index < 20; index++) {
    const metadata = { name: `c-${index}`, namespace: "default" };
    await server.admin.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata, data: { key: "value" } }]);
  }
  await server.kill();
  await until("the loss", () => watches.states().every(({ phase }) => phase === "backoff"));
  assert.equal(watches.synced, true);
  assert.ok(sink.podNamed("web"), "what was known stays");
  await server.restart();
  await server.admin.apply([podObject("after-restart")]);
  await until("the pod after the restart", () => sink.podNamed("after-restart"));
  await until("all watches", () => watches.states().every(({ phase }) => phase === "watching"));
  assert.ok(
    watches.states().some(({ errors, lists }) => errors.expired > 0 && lists > 1),
    JSON.stringify(watches.states()),
  );
  assert.ok(watches.states().every(({ errors }) => errors.connection > 0 && errors.decode === 0));
});

test("KubernetesWatches works with a pod's token where RBAC denies it the nodes", { skip }, async (t) => {
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "weir-test" } };
  const rules = (resources: string[]) => [
    { apiGroups: ["", "discovery.k8s.io"], resources, verbs: ["get", "list", "watch"] },
  ];
  const token = await server.serviceAccountToken("default", "weir");
  await server.admin.apply([
    { ...role, rules: rules(["pods", "services", "endpointslices"]) },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "weir-test" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "weir-test" },
      subjects: [{ kind: "ServiceAccount", namespace: "default", name: "weir" }],
    },
  ]);
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  writeFileSync(directory.file("ca.crt"), server.ca);
  writeFileSync(directory.file("token"), "not a token\n");
  const environment = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(server.port) };
  const sink = new RecordingSink();
  const credentials = inClusterCredentials(environment, directory.file("."));
  const watches = new KubernetesWatches({ credentials, sink, timing: TIMING });
  t.after(() => watches.shutdown());
  watches.start();
  await until("the refusals", () => watches.states().every(({ errors }) => errors.unauthorized > 0));
  assert.equal(watches.synced, false);
  // A rotated token needs nothing but its file.
  writeFileSync(directory.file("token"), `${token}\n`);
  await watches.whenSynced();
  const phases = Object.fromEntries(watches.states().map(({ resource, phase }) => [resource, phase]));
  assert.deepEqual(phases, {
    pods: "watching",
    services: "watching",
    nodes: "denied",
    endpointslices: "watching",
  });
  assert.match(watches.states()[2]?.lastError ?? "", /answered 403: nodes is forbidden/);
  await server.admin.apply([{ ...role, rules: rules(["pods", "services", "endpointslices", "nodes"]) }]);
  await until("the nodes", () => watches.states()[2]?.synced);
});

test("A real API server's bytes, damaged 5 000 times, end in objects or a DecodeError", { skip }, async () => {
  const client = new ApiClient(await kubeconfigCredentials(server.adminKubeconfig));
  await server.admin.apply([{ ...podObject("fuzzed"), status: running }]);
  const read = async (path: string, accept: string) => {
    const response = await client.get(path, accept, new AbortController().signal);
    return await firstBytes(response, 2 ** 24);
  };
  const protobuf = "application/vnd.kubernetes.protobuf";
  for (const { path } of [pods, services, nodes, endpointSlices]) {
    const list = await read(`${path}?resourceVersion=0`, protobuf);
    assert.equal(decodeMutated(list, "list", 5000, 31).refused > 100, true);
  }
  const initial = "watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  const path = `/api/v1/pods?${initial}&allowWatchBookmarks=true&resourceVersion=0`;
  const watch = await read(path, `${protobuf};stream=watch`);
  assert.equal(decodeMutated(watch, "watch", 5000, 37).refused > 100, true);
  client.close();
});

test("KubernetesWatches learns from a real API server who owns a Job and a ReplicaSet, by their metadata", {
  skip,
}, async (t) => {
  const template = {
    metadata: { labels: { run: "it" } },
    spec: { restartPolicy: "Never", containers: [{ name: "it", image: "it:1" }] },
  };
  const owned = (kind: string, name: string, apiVersion: string) => ({
    name: `${name}-1`,
    namespace: "default",
    ownerReferences: [{ apiVersion, kind, name, uid: `uid-of-${name}`, controller: true }],
  });
  await server.admin.apply([
    { apiVersion: "batch/v1", kind: "Job", metadata: owned("CronJob", "backup", "batch/v1"), spec: { template } },
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: owned("Release", "shop", "example.com/v1"),
      spec: {
        replicas: 0,
        selector: { matchLabels: { run: "it" } },
        template: { ...template, spec: { ...template.spec, restartPolicy: "Always" } },
      },
    },
  ]);
  const sink = new RecordingSink();
  const credentials = await kubeconfigCredentials(server.adminKubeconfig);
  const owners = { jobs: true, replicaSets: true };
  const watches = new KubernetesWatches({ credentials, sink, owners, timing: TIMING });
  t.after(() => watches.shutdown());
  watches.start();
  await watches.whenSynced();
  const names = () => [...sink.owners.values()].map(({ owner }) => `${owner?.kind}/${owner?.name}`).sort();
  assert.deepEqual(names(), ["CronJob/backup", "Release/shop"]);
  await server.admin.apply([
    { apiVersion: "batch/v1", kind: "Job", metadata: owned("CronJob", "clean", "batch/v1"), spec: { template } },
  ]);
  await until("the new Job", () => names().includes("CronJob/clean"));
});
