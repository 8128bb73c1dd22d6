// What a process of its own does with the addon, by name; see addon.test.ts. Exits with 0 where it went well.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { bpfObjectPath, loadAddon, type NativeTcpMonitor } from "../../src/kernel/addon.ts";
import { bpfDescriptors } from "./bpf-descriptors.ts";

const open = (): Promise<NativeTcpMonitor> =>
  loadAddon().openTcp({ objectPath: bpfObjectPath("tcp"), maxConnections: 1000, ringBytes: 65_536 });

/** Opens and drops a monitor: nothing of it is left on the stack of whoever waits. */
async function openAndDrop(): Promise<void> {
  const monitor = await open();
  await monitor.collect("all");
  assert.ok((bpfDescriptors()["bpf_link"] ?? 0) > 0);
}

/** KiB of the running program's code and constants that are in its memory. */
function programResident(): number {
  const mappings = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[\da-f]+-[\da-f]+ )/m);
  return mappings
    .filter((text) => /^\S+ r-/.test(text) && text.includes(process.execPath))
    .reduce((sum, text) => sum + Number(/^Rss:\s+(\d+)/m.exec(text)?.[1]), 0);
}

const scenes: Record<string, () => Promise<void>> = {
  async "ends without close"() {
    const monitor = await open();
    await monitor.collect("all");
  },
  async "exits during collect"() {
    const monitor = await open();
    for (let each = 0; each < 20; each++) void monitor.collect("all");
    process.exit(0);
  },
  async "exits during open"() {
    void open();
    process.exit(0);
  },
  async "collects garbage"() {
    await openAndDrop();
    const { gc } = globalThis;
    assert.ok(gc, "run with --expose-gc");
    for (let round = 0; round < 1000 && Object.keys(bpfDescriptors()).length > 0; round++) {
      gc();
      await turn();
    }
    assert.deepEqual(bpfDescriptors(), {});
  },
  async "collects garbage during collect"() {
    let records: Promise<ArrayBuffer> | undefined = (await open()).collect("all");
    for (let round = 0; round < 5; round++) globalThis.gc?.();
    assert.ok((await records) instanceof ArrayBuffer);
    records = undefined;
  },
  async "terminates workers"() {
    for (let round = 0; round < 5; round++) {
      const workers = [0, 1].map(() => new Worker(new URL("collecting-worker.ts", import.meta.url)));
      await Promise.all(
        workers.map(
          (worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject)),
        ),
      );
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
    assert.deepEqual(bpfDescriptors(), {}, "what an environment opened goes with it");
  },
  async "gives its program back"() {
    const before = programResident();
    await loadAddon().pageOutProgram();
    const after = programResident();
    assert.ok(after < before / 2, `${after} of ${before} KiB of the program are still in memory`);
  },
  async "terminates a worker during open"() {
    const worker = new Worker(new URL("opening-worker.ts", import.meta.url));
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    await worker.terminate();
    assert.deepEqual(bpfDescriptors(), {});
  },
};

const scene = scenes[process.argv[2] ?? ""];
assert.ok(scene, `there is no scene ${process.argv[2]}`);
await scene();
