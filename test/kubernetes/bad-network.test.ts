import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, type TestContext, test } from "node:test";
import type { Credentials } from "../../src/kubernetes/credentials.ts";
import { inClusterCredentials } from "../../src/kubernetes/credentials.ts";
import { kubeconfigCredentials } from "../../src/kubernetes/kubeconfig.ts";
import { KubernetesWatches } from "../../src/kubernetes/kubernetes-watches.ts";
import type { WatchState } from "../../src/kubernetes/watch-state.ts";
import type { WatchTiming } from "../../src/kubernetes/watch-timing.ts";
import { ApiServer } from "../rig/api-server.ts";
import { CertificateAuthority } from "../rig/certificate-authority.ts";
import { Relay } from "../rig/relay.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { skipWithout } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { RecordingSink } from "./recording-sink.ts";

const skip = skipWithout("kubernetes", "etcd");
const TIMING = { startJitterMs: 0, backoffBaseMs: 20, backoffMaxMs: 200, deniedBaseMs: 20, deniedMaxMs: 100 };
const until = (what: string, condition: () => unknown) => waitUntil(() => Boolean(condition()), { what });

let server: ApiServer;
before(async () => {
  if (skip === false) server = await ApiServer.start();
});
after(async () => {
  if (skip === false) await server.stop();
});

const podObject = (name: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  spec: { nodeName: "node-1", containers: [{ name: "web", image: "web:1" }] },
});

/** The administrator's credentials, at another place. */
async function adminAt(url: string): Promise<Credentials> {
  return { ...(await kubeconfigCredentials(server.adminKubeconfig)), server: new URL(url) };
}

interface Setup {
  readonly relay: Relay;
  readonly sink: RecordingSink;
  readonly watches: KubernetesWatches;
  /** What was told: errors as `pods silent`, recoveries as `pods well`. */
  readonly told: string[];
  states(): WatchState[];
  pods(): WatchState;
}

/** Starts watches through a relay; does not wait for them. */
async function setUp(
  t: TestContext,
  options: { timing?: Partial<WatchTiming>; relay?: Relay; credentials?: Credentials } = {},
): Promise<Setup> {
  const relay = options.relay ?? (await Relay.start({ to: server.port }));
  const sink = new RecordingSink();
  const told: string[] = [];
  const watches = new KubernetesWatches({
    credentials: options.credentials ?? (await adminAt(relay.url)),
    sink,
    timing: { ...TIMING, ...options.timing },
    onError: (resource, { kind }) => told.push(`${resource} ${kind}`),
    onRecovery: (resource) => told.push(`${resource} well`),
  });
  t.after(async () => {
    await watches.shutdown();
    await relay.stop();
  });
  const states = () => [...watches.states()];
  return { relay, sink, watches, told, states, pods: () => states()[0] as WatchState };
}

/** Makes pods, and unmakes them after the test. */
async function havePods(t: TestContext, ...names: readonly string[]): Promise<void> {
  await server.admin.apply(names.map(podObject));
  t.after(() => Promise.all(names.map((name) => server.admin.delete(podObject(name)))));
}

const deletions = (sink: RecordingSink) => sink.calls.filter((call) => call.startsWith("delete"));

test("KubernetesWatches leaves half-open connections whose peer vanished, and goes on where it was", {
  skip,
}, async (t) => {
  await havePods(t, "old");
  const { relay, sink, watches, pods, states, told } = await setUp(t, { timing: { silenceMs: 1_000 } });
  watches.start();
  await watches.whenSynced();
  await until("the watches", () => relay.open >= 3);
  relay.vanish();
  await havePods(t, "behind-the-silence");
  await until("the pod", () => sink.podNamed("behind-the-silence"));
  await until("every watch to have noticed", () => states().every(({ errors }) => errors.silent > 0));
  assert.equal(pods().lists, 1, "nothing was fetched twice");
  assert.deepEqual(told, [], "a silence that a request ends is no news");
  assert.deepEqual(deletions(sink), []);
});

test("KubernetesWatches outlives a server that takes connections and says nothing", { skip }, async (t) => {
  await havePods(t, "old");
  const { relay, sink, watches, pods, told } = await setUp(t, { timing: { responseMs: 300 } });
  relay.freeze();
  watches.start();
  await until("two requests without an answer", () => pods().errors.timeout >= 2);
  assert.deepEqual([watches.synced, pods().phase === "watching", sink.calls.length], [false, false, 0]);
  relay.thaw();
  await watches.whenSynced();
  assert.ok(sink.podNamed("old"));
  await until("the good news", () => told.includes("pods well"));
  assert.equal(told.filter((line) => line === "pods timeout").length, 1, told.join());
});

test("KubernetesWatches keeps what it knows while connections break again and again, and misses nothing", {
  skip,
}, async (t) => {
  const names = Array.from({ length: 11 }, (_, index) => `churn-${index}`);
  const { relay, sink, watches, states, told } = await setUp(t);
  watches.start();
  await watches.whenSynced();
  for (const name of names) {
    await havePods(t, name);
    relay.cut();
    await until(name, () => sink.podNamed(name));
  }
  await server.admin.delete(podObject("churn-7"));
  await until("the deletion", () => sink.podNamed("churn-7") === undefined);
  await server.admin.apply([podObject("churn-7")]);
  await until("the new pod of that name", () => sink.podNamed("churn-7"));
  assert.equal(deletions(sink).length, 1, "only what was deleted is");
  assert.ok(states().every(({ errors, lists }) => errors.connection > 0 && lists === 1));
  // Breaking is told of once, as long as nothing was well for long.
  assert.equal(told.filter((line) => line === "pods connection").length, 1, told.join());
});

test("KubernetesWatches takes a server that trickles, and gives up one that never gets to the end", {
  skip,
}, async (t) => {
  await havePods(t, ...Array.from({ length: 23 }, (_, index) => `slow-${index}`));
  const { relay, sink, watches, pods, told } = await setUp(t, { timing: { listMs: 1_000 } });
  const drops = { bytes: 64, everyMs: 10 };
  relay.trickle(drops);
  watches.start();
  await until("the end of patience", () => pods().errors.timeout > 0);
  assert.equal(pods().synced, false);
  relay.trickle(undefined);
  await watches.whenSynced();
  assert.equal([...sink.pods.values()].filter(({ name }) => name.startsWith("slow-")).length, 23);
  assert.ok(told.includes("pods timeout"), told.join());
  relay.trickle(drops);
  await havePods(t, "late");
  await until("a change in drops", () => sink.podNamed("late"));
});

test("KubernetesWatches proves itself with a client certificate that was replaced", { skip }, async (t) => {
  await havePods(t, "old");
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  const write = ({ certificate, key }: { certificate: string; key: string }) => {
    writeFileSync(directory.file("client.crt"), certificate);
    writeFileSync(directory.file("client.key"), key);
  };
  const config = JSON.parse(readFileSync(server.adminKubeconfig, "utf8")) as { users: { user: object }[] };
  (config.users[0] as { user: object }).user = { "client-certificate": "client.crt", "client-key": "client.key" };
  writeFileSync(directory.file("config"), JSON.stringify(config));
  write(server.issue("nobody"));
  const relay = await Relay.start({ to: server.port });
  const credentials = { ...(await kubeconfigCredentials(directory.file("config"))), server: new URL(relay.url) };
  const { sink, watches, states, told } = await setUp(t, { relay, credentials });
  watches.start();
  await until("the refusals", () => states().every(({ phase }) => phase === "denied"));
  assert.match(states()[0]?.lastError ?? "", /answered 403: pods is forbidden: User "nobody"/);
  // A kubelet writes one file after the other: a key that does not fit its certificate is one more error, no more.
  writeFileSync(directory.file("client.key"), server.issue("nobody").key);
  await until("the misfit", () => states().every(({ errors }) => errors.connection > 0));
  write(server.issue("weir", "system:masters"));
  await watches.whenSynced();
  await until("all of them", () => states().every(({ phase }) => phase === "watching"));
  assert.ok(sink.podNamed("old"));
  assert.equal(told.filter((line) => line === "nodes forbidden").length, 1, told.join());
  // Connections from now on are the new name's; what the old one has open is not cut for it.
  relay.cut();
  await havePods(t, "after-rotation");
  await until("the pod", () => sink.podNamed("after-rotation"));
});

test("KubernetesWatches trusts a new authority once its file says so, and none before", { skip }, async (t) => {
  await havePods(t, "old");
  const [before, afterwards] = [new CertificateAuthority("before"), new CertificateAuthority("afterwards")];
  const names = ["127.0.0.1"];
  const relay = await Relay.start({
    to: server.port,
    tls: { ...before.issue({ commonName: "front", names }), ca: server.ca },
  });
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  writeFileSync(directory.file("ca.crt"), before.certificate);
  writeFileSync(directory.file("token"), await server.serviceAccountToken("default", "authority"));
  await server.admin.apply([
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "weir-authority" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", namespace: "default", name: "authority" }],
    },
  ]);
  const environment = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(relay.port) };
  const credentials = inClusterCredentials(environment, directory.file("."));
  const { sink, watches, states } = await setUp(t, { relay, credentials });
  watches.start();
  await watches.whenSynced();
  await until("all watches", () => states().every(({ phase }) => phase === "watching"));
  const renewed = afterwards.issue({ commonName: "front", names });
  relay.present(renewed.certificate, renewed.key);
  relay.cut();
  await until("the refusals", () => states().every(({ lastError }) => /certificate/.test(lastError)));
  assert.deepEqual(deletions(sink), []);
  writeFileSync(directory.file("ca.crt"), afterwards.certificate);
  await havePods(t, "after-rotation");
  await until("the pod", () => sink.podNamed("after-rotation"));
  await until("all watches again", () => states().every(({ phase, lists }) => phase === "watching" && lists === 1));
});

test("KubernetesWatches keeps the names of a resource that it may see no more, and goes on when it may", {
  skip,
}, async (t) => {
  await havePods(t, "old");
  const role = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "weir-withdrawn" },
  };
  const rules = (resources: string[]) => [{ apiGroups: ["*"], resources, verbs: ["get", "list", "watch"] }];
  const others = ["services", "nodes", "endpointslices"];
  await server.admin.apply([
    { ...role, rules: rules(["pods", ...others]) },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "weir-withdrawn" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "weir-withdrawn" },
      subjects: [{ kind: "ServiceAccount", namespace: "default", name: "withdrawn" }],
    },
  ]);
  const config = await server.serviceAccountKubeconfig("default", "withdrawn");
  const relay = await Relay.start({ to: server.port });
  const credentials = { ...(await kubeconfigCredentials(config)), server: new URL(relay.url) };
  const { sink, watches, pods, states, told } = await setUp(t, { relay, credentials });
  watches.start();
  await until("all watches", () => states().every(({ phase }) => phase === "watching"));
  await server.admin.apply([{ ...role, rules: rules(others) }]);
  const denied = () => {
    relay.cut(); // a watch that stands is left alone by the authorizer, which has heard of the change a moment later
    return pods().phase === "denied";
  };
  await waitUntil(denied, { what: "the refusal", intervalMs: 200 });
  assert.ok(sink.podNamed("old"), "what was known stays");
  await until("the others", () =>
    states()
      .slice(1)
      .every(({ phase }) => phase === "watching"),
  );
  assert.equal(watches.synced, true);
  await havePods(t, "unseen");
  await server.admin.apply([{ ...role, rules: rules(["pods", ...others]) }]);
  await until("the pod of the dark", () => sink.podNamed("unseen"));
  assert.equal(pods().lists, 1);
  assert.deepEqual(deletions(sink), []);
  assert.equal(told.filter((line) => line === "pods forbidden").length, 1, told.join());
  assert.equal(told.at(-1), "pods well");
});
