import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { kubeconfigCredentials } from "../../src/kubernetes/kubeconfig.ts";
import { KubernetesWatches } from "../../src/kubernetes/kubernetes-watches.ts";
import { ApiServer } from "../rig/api-server.ts";
import { Relay } from "../rig/relay.ts";
import { skipWithout } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { RecordingSink } from "./recording-sink.ts";

const skip = skipWithout("kubernetes", "etcd");
const TIMING = { startJitterMs: 0, backoffBaseMs: 20, backoffMaxMs: 200, pageObjects: 5, silenceMs: 5_000 };
const until = (what: string, condition: () => unknown) => waitUntil(() => Boolean(condition()), { what });

let server: ApiServer;
before(async () => {
  if (skip === false) server = await ApiServer.start({ featureGates: { WatchList: false } });
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

test("KubernetesWatches lists where a real API server has no WatchList, and relists what changed behind a silence", {
  skip,
}, async (t) => {
  const names = Array.from({ length: 23 }, (_, index) => `web-${index}`);
  await server.admin.apply(names.map(podObject));
  const sink = new RecordingSink();
  const relay = await Relay.start({ to: server.port });
  const admin = await kubeconfigCredentials(server.adminKubeconfig);
  const watches = new KubernetesWatches({
    credentials: { ...admin, server: new URL(relay.url) },
    sink,
    timing: TIMING,
  });
  t.after(async () => {
    await watches.shutdown();
    await relay.stop();
  });
  watches.start();
  await watches.whenSynced();
  await until("the watches", () => watches.states().every(({ phase }) => phase === "watching"));
  const state = () => watches.states()[0] as NonNullable<ReturnType<typeof watches.states>[0]>;
  assert.equal(sink.pods.size, 23);
  await until("the watch behind the list", () => state().requests === 3); // refused, listed, watched
  assert.equal(state().lastError, "");
  await server.admin.apply([podObject("late")]);
  await until("a change", () => sink.podNamed("late"));
  const gone = sink.podNamed("web-7")?.uid;

  // Behind a silence everything moves on; a server that was restarted does not know how, and answers 410.
  relay.freeze();
  sink.calls.length = 0;
  await server.admin.delete(podObject("web-7"));
  for (let index = 0; index < 20; index++) {
    const metadata = { name: `c-${index}`, namespace: "default" };
    await server.admin.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata, data: { key: "value" } }]);
  }
  await server.restart();
  relay.thaw();
  await until("the new list", () => state().lists === 2);
  await until("all watches", () => watches.states().every(({ phase }) => phase === "watching"));
  const podCalls = sink.calls.filter((call) => call.includes(" pod "));
  assert.deepEqual(podCalls, [`delete pod ${gone}`], "what did not change fires nothing");
  assert.ok(state().errors.expired > 0);
  assert.equal(state().errors.refused, 0);
});
