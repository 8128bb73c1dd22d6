// Collects for ever; tells when it has begun. To be terminated in the middle of it.
import { parentPort } from "node:worker_threads";
import { bpfObjectPath, loadAddon } from "../../src/kernel/addon.ts";

const monitor = await loadAddon().openTcp({
  objectPath: bpfObjectPath("tcp"),
  maxConnections: 1000,
  ringBytes: 65_536,
});
for (let round = 0; ; round++) {
  await Promise.all([monitor.collect("all"), monitor.collect("none"), monitor.survey()]);
  if (round === 3) parentPort?.postMessage("collecting");
}
