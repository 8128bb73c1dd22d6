// Begins to open a monitor and tells so. To be terminated before it is open.
import { parentPort } from "node:worker_threads";
import { bpfObjectPath, loadAddon } from "../../src/kernel/addon.ts";

void loadAddon().openTcp({ objectPath: bpfObjectPath("tcp"), maxConnections: 1000, ringBytes: 65_536 });
parentPort?.postMessage("opening");
