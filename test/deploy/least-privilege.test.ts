import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, suite, type TestContext, test } from "node:test";
import type { NamedPlace } from "../agent/named-place.ts";
import { type PodOptions, podPlace } from "../agent/pod-place.ts";
import { connectPeer, PeerClient, PeerServer } from "../lab/peer.ts";
import { AgentProcess, type AgentRun } from "../rig/agent-process.ts";
import { ApiServer } from "../rig/api-server.ts";
import { freePort } from "../rig/free-port.ts";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { skipWithout } from "../rig/tools.ts";
import { builtImage, skipWithoutImages } from "./built-image.ts";
import { containerCommand, type Kubelet } from "./container.ts";
import { type PodTemplate, podTemplateOf } from "./pod-template.ts";
import { onlyOne, renderedBase } from "./rendered-base.ts";
import { Runtime } from "./runtime.ts";

const CLOSED = "weir_connections_closed_total";
const ACTIVE = "weir_connections_active";
const FEATURE = "weir_feature_enabled";
const IO = "weir_flow_io_bytes_total";
const CLIENT: PodOptions = {
  namespace: "shop",
  name: "web-5d9c7b6f4-abcde",
  labels: { "pod-template-hash": "5d9c7b6f4" },
  owner: { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d9c7b6f4" },
};
const SERVER: PodOptions = {
  namespace: "data",
  name: "db-0",
  owner: { apiVersion: "apps/v1", kind: "StatefulSet", name: "db" },
};
const EDGE = {
  ...{ client_namespace: "shop", client_workload: "web", client_kind: "Deployment" },
  ...{ server_namespace: "data", server_workload: "db", server_kind: "StatefulSet" },
};

suite("the image with the rights of the DaemonSet", {
  skip: skipWithoutImages() || skipWithout("kubernetes", "etcd"),
}, () => {
  let server: ApiServer;
  let runtime: Runtime;
  let template: PodTemplate;
  let kubelet: Kubelet;

  before(async () => {
    const objects = await renderedBase();
    server = await ApiServer.start();
    runtime = await Runtime.start();
    await runtime.import(await builtImage());
    await server.admin.apply(objects.filter(({ kind }) => kind !== "DaemonSet"));
    template = podTemplateOf(onlyOne(objects, "DaemonSet"));
    const url = new URL(server.url);
    kubelet = {
      nodeName: "n1",
      hostIp: "127.0.0.1",
      podUid: randomUUID(),
      configMaps: objects.filter(({ kind }) => kind === "ConfigMap"),
      serviceAccount: { token: await server.serviceAccountToken("weir", "weir"), "ca.crt": server.ca },
      env: { KUBERNETES_SERVICE_HOST: url.hostname, KUBERNETES_SERVICE_PORT: url.port },
    };
  });
  after(async () => {
    await server?.stop();
    await runtime?.stop();
  });

  /** The DaemonSet's port is one for the whole host, so every test takes another. */
  async function command(changed: Partial<PodTemplate>, ...args: string[]) {
    const env = { ...kubelet.env, WEIR_LISTEN: `[127.0.0.1]:${await freePort()}`, WEIR_FLOWS_SWEEP_INTERVAL: "500ms" };
    return await containerCommand(runtime, { ...template, ...changed }, { ...kubelet, env }, ...args);
  }

  async function start(t: TestContext, changed: Partial<PodTemplate> = {}): Promise<AgentProcess> {
    const agent = await AgentProcess.start({ command: await command(changed) });
    t.after(() => agent.stop());
    return agent;
  }

  async function doctor(changed: Partial<PodTemplate> = {}): Promise<AgentRun> {
    return await AgentProcess.run({ command: await command(changed, "doctor") }, 60_000);
  }

  function without(capability: string): Partial<PodTemplate> {
    const { drop, add } = template.container.capabilities;
    assert.ok(add.includes(capability), `the DaemonSet does not add ${capability}`);
    const capabilities = { drop, add: add.filter((name) => name !== capability) };
    return { container: { ...template.container, capabilities } };
  }

  test("weir doctor finds all that it needs, and exits with 0", async () => {
    const { code, output } = await doctor();
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /^ {2}(warn|fail)/m);
    for (const name of template.container.capabilities.add) assert.match(output, new RegExp(`ok +CAP_${name} `));
  });

  /** A connection that is open already, which nobody has seen since, and where others can be made beside it. */
  async function traffic(t: TestContext) {
    const web = await podOf(t, server, CLIENT);
    const db = await podOf(t, server, SERVER);
    const port = await freePort();
    await PeerServer.start(db, { port });
    const older = await PeerClient.start(web, { to: "127.0.0.1", port, hold: true });
    const send = () => connectPeer(web, { to: "127.0.0.1", port, count: 23, send: 104_729, halfClose: true });
    return { edge: { ...EDGE, server_port: String(port) }, port: { server_port: String(port) }, older, send };
  }

  async function expectSent(agent: AgentProcess, edge: Record<string, string>) {
    await agent.waitForSum(CLOSED, edge, 23, 30_000);
    await agent.waitForSum(IO, { ...edge, direction: "request" }, 23 * 104_729);
  }

  test("real pods' connections are measured to the byte, one that is older than the agent included", async (t) => {
    const { edge, port, older, send } = await traffic(t);
    const agent = await start(t);
    await agent.ready(60_000);
    assert.equal(await agent.sum(FEATURE, { feature: "conntrack" }), 1);
    await agent.waitForSum(ACTIVE, edge, 1, 30_000);
    await send();
    await expectSent(agent, edge);
    await older.stop();
    await agent.waitForSum(CLOSED, edge, 24);
    assert.equal(await agent.sum(CLOSED, port), 24);
    assert.equal(await agent.sum(IO, port), 23 * 104_729);
    assert.equal((await agent.stop()).code, 0);
  });

  test("without BPF it does not run, and says what it needs", async () => {
    const found = await doctor(without("BPF"));
    assert.equal(found.code, 1, found.output);
    assert.match(found.output, /fail +CAP_BPF +missing/);
    const run = await AgentProcess.run({ command: await command(without("BPF")) }, 60_000);
    assert.equal(run.code, 1, run.output);
    assert.match(run.output, /needs root, or the capabilities BPF and PERFMON; weir doctor tells which/);
  });

  test("without PERFMON it counts nothing, is not ready, and says why", async (t) => {
    const found = await doctor(without("PERFMON"));
    assert.equal(found.code, 1, found.output);
    assert.match(found.output, /fail +CAP_PERFMON +missing/);
    const agent = await start(t, without("PERFMON"));
    assert.match(JSON.stringify(agent.log()), /"program":"tcp_state".*cannot load: Operation not permitted/);
    const { status, body } = await agent.get("/readyz");
    assert.equal(status, 503);
    assert.match(body, /^connections are not counted: the program tcp_state is not attached/m);
  });

  test("without NET_ADMIN it measures the same, but asks no connection tracking, and says so", async (t) => {
    const { code, output } = await doctor(without("NET_ADMIN"));
    assert.equal(code, 0, output);
    assert.match(output, /warn +CAP_NET_ADMIN +missing\n +-> Add it, or backends of Services on other nodes/);
    const { edge, send } = await traffic(t);
    const agent = await start(t, without("NET_ADMIN"));
    await agent.ready(60_000);
    assert.equal(await agent.sum(FEATURE, { feature: "conntrack" }), 0);
    await send();
    await expectSent(agent, edge);
  });

  test("without hostPID connections older than the agent are not seen, and all others are", async (t) => {
    const { edge, port, send } = await traffic(t);
    const agent = await start(t, { hostPID: false });
    await agent.ready(60_000);
    await send();
    await expectSent(agent, edge);
    assert.equal(await agent.sum(ACTIVE, port), 0);
  });

  test("as a user other than root it has none of its capabilities, and says so", async () => {
    const { code, output } = await doctor({ container: { ...template.container, runAsUser: 65_532 } });
    assert.equal(code, 1, output);
    for (const name of ["BPF", "PERFMON"]) assert.match(output, new RegExp(`fail +CAP_${name} +missing`));
  });
});

/** A pod's place; the pod goes with the test. */
async function podOf(t: TestContext, server: ApiServer, options: PodOptions): Promise<NamedPlace> {
  const { namespace, name } = options;
  const object: KubernetesObject = { apiVersion: "v1", kind: "Pod", metadata: { namespace, name } };
  t.after(() => server.admin.delete(object));
  return await podPlace(t, server.admin, options);
}
