import { kubeconfigCredentials } from "../../src/kubernetes/kubeconfig.ts";
import { KubernetesWatches } from "../../src/kubernetes/kubernetes-watches.ts";
import { RecordingSink } from "../kubernetes/recording-sink.ts";
import { ApiServer } from "../rig/api-server.ts";
import { longestTurnMs } from "./longest-turn.ts";

/**
 * What it costs to fetch 5 000 pods (or BENCH_PODS) from a real API server and to keep them: time to sync, heap, and the longest block of the event
 * loop. Run with `--expose-gc`.
 */
const PODS = Number(process.env["BENCH_PODS"] ?? 5000);

const server = await ApiServer.start();
try {
  const spec = {
    nodeName: "node-1",
    containers: [
      {
        name: "web",
        image: "web:1",
        env: Array.from({ length: 20 }, (_, i) => ({ name: `E${i}`, value: "x".repeat(40) })),
      },
    ],
  };
  const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d9c7b8f6", uid: "11111111", controller: true };
  const pods = Array.from({ length: PODS }, (_, index) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `web-5d9c7b8f6-${index}`, namespace: "default", ownerReferences: [owner] },
    spec,
  }));
  const createdMs = performance.now();
  const next = pods.values();
  const writer = async () => {
    for (const one of next) await server.admin.create(one);
  };
  await Promise.all(Array.from({ length: 8 }, writer));
  console.log(`${PODS} pods written in ${((performance.now() - createdMs) / 1000).toFixed(1)} s`);

  const rows: object[] = [];
  const credentials = await kubeconfigCredentials(server.adminKubeconfig);
  for (const round of [1, 2, 3]) {
    globalThis.gc?.();
    const before = process.memoryUsage();
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    const sink = new RecordingSink();
    const watches = new KubernetesWatches({ credentials, sink, timing: { startJitterMs: 0 } });
    watches.start();
    const longestMs = await longestTurnMs(() => watches.whenSynced());
    const syncMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpu);
    sink.calls.length = 0;
    globalThis.gc?.();
    const state = watches.states()[0];
    rows.push({
      round,
      pods: sink.pods.size,
      "sync ms": Math.round(syncMs),
      "CPU ms": Math.round((user + system) / 1000),
      "longest turn CPU ms": longestMs.toFixed(1),
      "heap MB kept": ((process.memoryUsage().heapUsed - before.heapUsed) / 1e6).toFixed(1),
      "RSS MB": Math.round(process.memoryUsage().rss / 1e6),
      "received MB": ((state?.receivedBytes ?? 0) / 1e6).toFixed(1),
      requests: state?.requests,
    });
    await watches.shutdown();
  }
  console.table(rows);
} finally {
  await server.stop();
}
