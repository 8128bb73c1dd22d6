import assert from "node:assert/strict";
import { after, before, suite, type TestContext, test } from "node:test";
import { connectPeer, PeerClient, PeerServer } from "../lab/peer.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { ApiServer } from "../rig/api-server.ts";
import { freePort } from "../rig/free-port.ts";
import { checkMetrics } from "../rig/promtool.ts";
import { skipWithout } from "../rig/tools.ts";
import { NamedPlace } from "./named-place.ts";
import { type PodOptions, podPlace } from "./pod-place.ts";

const CLOSED = "weir_connections_closed_total";
const IO = "weir_flow_io_bytes_total";

const WEB: PodOptions = {
  namespace: "shop",
  name: "web-5d9c7b6f4-abcde",
  labels: { "pod-template-hash": "5d9c7b6f4" },
  owner: { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d9c7b6f4" },
};
const DB: PodOptions = {
  namespace: "data",
  name: "db-0",
  owner: { apiVersion: "apps/v1", kind: "StatefulSet", name: "db" },
};
const WEB_TO_DB = {
  client_namespace: "shop",
  client_workload: "web",
  client_kind: "Deployment",
  server_namespace: "data",
  server_workload: "db",
  server_kind: "StatefulSet",
};

suite("the agent with a real API server", { skip: skipWithout("kubernetes", "etcd", "prometheus") }, () => {
  let server: ApiServer;
  before(async () => {
    server = await ApiServer.start();
  });
  after(() => server.stop());

  async function start(
    t: TestContext,
    kubeconfig = server.adminKubeconfig,
    more: readonly string[] = [],
  ): Promise<AgentProcess> {
    const flags = [
      "--kubernetes.kubeconfig",
      kubeconfig,
      "--node-name",
      "n1",
      "--flows.sweep-interval",
      "500ms",
      ...more,
    ];
    const agent = await AgentProcess.start({ flags });
    t.after(() => agent.kill());
    return agent;
  }

  test("an API server that is away at the start: the agent measures, says what it waits for, and takes names when it comes", async (t) => {
    const [web, db] = [await podPlace(t, server.admin, WEB), await podPlace(t, server.admin, DB)];
    t.after(() => server.admin.delete(podOf(WEB)).then(() => server.admin.delete(podOf(DB))));
    await server.kill();
    const agent = await start(t);
    const port = await freePort();
    const edge = { server_port: String(port) };
    await PeerServer.start(db, { port });
    const traffic = () => connectPeer(web, { to: "127.0.0.1", port, count: 23, send: 4553, halfClose: true });
    await traffic();
    // The first list is waited for a while; the kernel keeps what happens meanwhile.
    await agent.waitForSum(CLOSED, edge, 23, 30_000);
    assert.equal(await agent.sum(IO, { ...edge, direction: "request" }), 23 * 4553);
    assert.deepEqual(
      (await agent.metrics(CLOSED, edge)).map(({ labels }) => [labels["client_kind"], labels["server_kind"]]),
      [["Unknown", "Unknown"]],
    );
    const { status, body } = await agent.get("/readyz");
    assert.equal(status, 503);
    for (const resource of ["pods", "services", "nodes", "endpointslices"]) {
      assert.match(body, new RegExp(`^the list of ${resource} is not complete: .*ECONNREFUSED`, "m"));
    }
    assert.equal((await agent.get("/healthz")).status, 200);
    assert.equal(await agent.sum("weir_agent_watch_synced", {}), 0);

    await server.restart();
    await agent.ready(45_000);
    assert.equal(await agent.sum("weir_agent_watch_synced", {}), 5);
    await traffic();
    await agent.waitForSum(CLOSED, { ...edge, ...WEB_TO_DB }, 23);
    assert.equal(await agent.sum(CLOSED, edge), 2 * 23);
    assert.equal((await agent.stop()).code, 0);
  });

  test("an API server that dies while traffic flows: names stay, nothing is lost, and news arrive when it is back", async (t) => {
    const [web, db] = [await podPlace(t, server.admin, WEB), await podPlace(t, server.admin, DB)];
    t.after(() => server.admin.delete(podOf(WEB)).then(() => server.admin.delete(podOf(DB))));
    const agent = await start(t);
    await agent.ready();
    assert.equal(await agent.sum("weir_feature_enabled", { feature: "conntrack" }), 1);
    const port = await freePort();
    const edge = { server_port: String(port) };
    await PeerServer.start(db, { port, read: 1009, respond: 1013 });
    const load = await PeerClient.start(web, {
      ...{ to: "127.0.0.1", port, send: 1009, expect: 1013 },
      count: 1_000_000,
      ratePerSecond: 100,
    });
    const closed = () => agent.sum(CLOSED, { ...edge, ...WEB_TO_DB });
    await agent.waitUntil(async () => (await closed()) >= 23, { what: "traffic" });

    await server.kill();
    const down = async () => (await agent.sum("weir_agent_watch_synced", { resource: "pods" })) === 0;
    await agent.waitUntil(down, { what: "the watch to notice" });
    const atDeath = await closed();
    await agent.waitUntil(async () => (await closed()) >= atDeath + 211, { what: "traffic without an API server" });
    assert.equal((await agent.get("/readyz")).status, 200);
    assert.ok((await agent.sum("weir_agent_watch_age_seconds", { resource: "pods" })) > 1);
    assert.equal(await agent.sum("weir_agent_watch_state", { resource: "pods", state: "backoff" }), 1);
    assert.ok((await agent.sum("weir_agent_watch_objects", { resource: "pods" })) >= 2, "what was known is kept");
    assert.ok((await agent.sum("weir_agent_watch_errors_total", { resource: "pods", kind: "connection" })) >= 1);

    await server.restart();
    const up = async () => (await agent.sum("weir_agent_watch_synced", {})) === 5;
    await agent.waitUntil(up, { what: "the watches to be back", deadlineMs: 45_000 });
    const late = await podPlace(t, server.admin, { namespace: "shop", name: "late" });
    t.after(() => server.admin.delete(podOf({ namespace: "shop", name: "late" })));
    // the news of the pod take a moment: until then its connections, here to a port that refuses, are nobody's
    const probe = await freePort();
    const known = async () => {
      await connectPeer(late, { to: "127.0.0.1", port: probe });
      const ofProbe = { server_port: String(probe), client_workload: "late" };
      return (await agent.sum("weir_connections_failed_total", ofProbe)) > 0;
    };
    await agent.waitUntil(known, { what: "news of the late pod" });
    await connectPeer(late, { to: "127.0.0.1", port, count: 29, send: 1009, expect: 1013 });
    const ofLate = { ...edge, client_namespace: "shop", client_workload: "late", client_kind: "Pod" };
    await agent.waitForSum(CLOSED, ofLate, 29);

    const { closed: made } = await load.stop();
    await agent.waitForSum(CLOSED, { ...edge, ...WEB_TO_DB }, made);
    assert.equal(await agent.sum(CLOSED, edge), made + 29);
    assert.equal(await agent.sum(IO, { ...edge, direction: "request" }), (made + 29) * 1009);
    assert.equal(await agent.sum(IO, { ...edge, direction: "response" }), (made + 29) * 1013);
    assert.equal(await agent.sum("weir_agent_lost_records_total", { stage: "kernel" }), 0);
    const wrote = agent.log().filter(({ resource }) => resource === "pods");
    const troubles = wrote.filter(({ level }) => level >= 40).map(({ msg }) => msg);
    assert.deepEqual([...new Set(troubles)], troubles, "each trouble is told of once");
    assert.ok(wrote.length <= 6, JSON.stringify(wrote));
    assert.ok(wrote.some(({ level, msg }) => level === 30 && msg === "pods are watched again"));
    assert.equal((await agent.stop()).code, 0);
  });

  test("labels that were chosen: zones, pods, pods' labels and annotations; and a Job's pods are its CronJob's", async (t) => {
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } };
    await server.admin.apply([{ ...node, metadata: { name: "n1", labels: { "topology.kubernetes.io/zone": "z-1" } } }]);
    t.after(() => server.admin.delete(node));
    const [job] = await server.admin
      .apply([
        { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
        {
          apiVersion: "batch/v1",
          kind: "Job",
          metadata: {
            name: "backup-1",
            namespace: "shop",
            ownerReferences: [
              { apiVersion: "batch/v1", kind: "CronJob", name: "backup", uid: "cron", controller: true },
            ],
          },
          spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "it", image: "it:1" }] } } },
        },
      ])
      .then((objects) => objects.filter(({ kind }) => kind === "Job"));
    const pod: PodOptions = {
      ...{ namespace: "shop", name: "backup-1-x", labels: { "example.com/team": "red" } },
      annotations: { cost: "7,a" },
      owner: { apiVersion: "batch/v1", kind: "Job", name: "backup-1", uid: String(job?.metadata.uid) },
    };
    const place = await podPlace(t, server.admin, pod);
    t.after(() => server.admin.delete(podOf(pod)));
    const chosen = "--labels.zone true --labels.pod true --labels.pod-labels team=example.com/team";
    const agent = await start(t, server.adminKubeconfig, [
      ...chosen.split(" "),
      "--labels.pod-annotations",
      "cost=cost",
    ]);
    await agent.ready();
    const port = await freePort();
    const peer = await PeerServer.start(new NamedPlace(t), { port });
    await connectPeer(place, { to: "127.0.0.1", port, count: 23 });
    await peer.stop();
    await agent.waitForSum(CLOSED, { server_port: String(port) }, 23);
    const [series, ...others] = await agent.metrics(CLOSED, { server_port: String(port) });
    assert.equal(others.length, 0);
    const { client_workload, client_kind, client_zone, client_pod, client_team, client_cost, server_zone, server_pod } =
      series?.labels ?? {};
    assert.deepEqual([client_kind, client_workload], ["CronJob", "backup"]);
    assert.deepEqual([client_zone, client_pod, client_team, client_cost], ["z-1", "backup-1-x", "red", "7,a"]);
    assert.deepEqual([server_zone, server_pod], ["z-1", ""]);
    assert.deepEqual(await checkMetrics(await agent.exposition()), []);
    assert.equal((await agent.stop()).code, 0);
  });

  test("an account that may list nothing: the agent measures, and says that it is forbidden", async (t) => {
    const agent = await start(t, await server.serviceAccountKubeconfig("default", "powerless"));
    const place = new NamedPlace(t);
    const port = await freePort();
    const peer = await PeerServer.start(place, { port });
    await connectPeer(place, { to: "127.0.0.1", port, count: 23 });
    await peer.stop();
    await agent.waitForSum(CLOSED, { server_port: String(port) }, 23, 30_000);
    const { status, body } = await agent.get("/readyz");
    assert.equal(status, 503);
    assert.match(body, /^the list of pods is not complete: .*(forbidden|403)/m);
    assert.equal((await agent.stop()).code, 0);
  });

  test("an account that may not see one resource: the others give names, and the log, /readyz and metrics say so", async (t) => {
    const [web, db] = [await podPlace(t, server.admin, WEB), await podPlace(t, server.admin, DB)];
    t.after(() => server.admin.delete(podOf(WEB)).then(() => server.admin.delete(podOf(DB))));
    const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "half-blind" } };
    const read = { apiGroups: ["*"], verbs: ["get", "list", "watch"] };
    const others = { ...read, resources: ["pods", "nodes", "endpointslices", "replicasets", "jobs"] };
    await server.admin.apply([
      { ...role, rules: [others] },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        metadata: { name: "half-blind" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "half-blind" },
        subjects: [{ kind: "ServiceAccount", namespace: "default", name: "half-blind" }],
      },
    ]);
    const agent = await start(t, await server.serviceAccountKubeconfig("default", "half-blind"));
    const state = (resource: string, state: string) => agent.sum("weir_agent_watch_state", { resource, state });
    await agent.waitUntil(
      async () => (await state("services", "denied")) === 1 && (await state("pods", "watching")) === 1,
      {
        what: "the watches to have been answered",
      },
    );
    const port = await freePort();
    const edge = { server_port: String(port), ...WEB_TO_DB };
    await PeerServer.start(db, { port });
    await connectPeer(web, { to: "127.0.0.1", port, count: 23 });
    await agent.waitForSum(CLOSED, edge, 23);
    const { status, body } = await agent.get("/readyz");
    assert.equal(status, 503);
    assert.match(body, /^the list of services is not complete: .* 403: services is forbidden/m);
    assert.deepEqual(body.match(/^the list of/gm)?.length, 1);
    const refusals = () => agent.sum("weir_agent_watch_errors_total", { resource: "services", kind: "forbidden" });
    await agent.waitUntil(async () => (await refusals()) >= 2, { what: "another attempt", deadlineMs: 30_000 });

    await server.admin.apply([{ ...role, rules: [others, { ...read, resources: ["services"] }] }]);
    await agent.ready(60_000);
    assert.equal(await state("services", "watching"), 1);
    const told = agent.log().filter(({ resource }) => resource === "services");
    assert.deepEqual(
      told.map(({ level, kind }) => [level, kind]),
      [
        [40, "forbidden"],
        [30, undefined],
      ],
      JSON.stringify(told),
    );
    assert.equal((await agent.stop()).code, 0);
  });

  test("owners with names of any characters keep series distinct, sums exact and the exposition valid", async (t) => {
    // The API server checks the names of objects, and hardly those of owners.
    const owners = ['a"b', "a\nb", "a\\nb", "a,b:c", "a{b=c}", "a\\", "a\u202eb", "a\x1b[31m"];
    const kind = 'Kind"\n,{';
    const agent = await start(t);
    const port = await freePort();
    const peer = await PeerServer.start(new NamedPlace(t), { port });
    for (const [index, name] of owners.entries()) {
      const pod: PodOptions = { namespace: "odd", name: `odd-${index}`, owner: { apiVersion: "odd/v1", kind, name } };
      const place = await podPlace(t, server.admin, pod);
      t.after(() => server.admin.delete(podOf(pod)));
      const client = await PeerClient.start(place, { to: "127.0.0.1", port, count: 2 + index, hold: true });
      await agent.ready();
      await agent.waitForSum(
        "weir_connections_active",
        { server_port: String(port), client_namespace: "odd" },
        2 + index,
      );
      await client.stop();
      await agent.waitForSum("weir_connections_active", { server_port: String(port) }, 0);
    }
    await peer.stop();
    const mine = await agent.metrics(CLOSED, { server_port: String(port) });
    assert.equal(mine.length, owners.length);
    assert.equal(new Set(mine.map(({ labels }) => labels["client_workload"])).size, owners.length);
    assert.deepEqual(
      mine.map(({ value }) => value).sort((a, b) => a - b),
      owners.map((_, index) => 2 + index),
    );
    assert.deepEqual(new Set(mine.map(({ labels }) => labels["client_namespace"])), new Set(["odd"]));
    const labelled = (name: string) => mine.filter(({ labels }) => labels["client_workload"] === name).length;
    assert.deepEqual(['a"b', "a‹U+000A›b", "a\\nb", "a‹U+202E›b"].map(labelled), [1, 1, 1, 1]);
    const exposition = await agent.exposition();
    assert.deepEqual(await checkMetrics(exposition), []);
    assert.equal(/[\x00-\x09\x0b-\x1f\x7f\u202e]/.exec(exposition)?.[0], undefined);
  });
});

function podOf({ namespace, name }: PodOptions) {
  return { apiVersion: "v1", kind: "Pod", metadata: { namespace, name } };
}
