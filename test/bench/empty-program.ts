import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadAddon } from "../../src/kernel/addon.ts";
import { Program } from "../lab/program.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

const SOURCE = fileURLToPath(new URL("empty.bpf.c", import.meta.url));
const INCLUDE = "/usr/include";

/** A program that does nothing, at the same hook as Weir's: what the kernel's measurement of run times itself costs. */
export class EmptyProgram {
  readonly #read: () => { runs: number; runTimeNs: number };
  readonly close: () => void;

  static async attach(): Promise<EmptyProgram> {
    const directory = new ScratchDirectory();
    try {
      const objectPath = directory.file("empty.bpf.o");
      const headers = (await Program.mustRun(["cc", "-print-multiarch"])).trim();
      const flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-I", join(INCLUDE, headers)];
      await Program.mustRun(["clang", ...flags, "-c", SOURCE, "-o", objectPath]);
      const monitor = await loadAddon().openTcp({ objectPath, maxConnections: 1, ringBytes: 4096 });
      return new EmptyProgram(monitor);
    } finally {
      directory.remove();
    }
  }

  private constructor(monitor: Awaited<ReturnType<ReturnType<typeof loadAddon>["openTcp"]>>) {
    this.#read = () => monitor.statistics()[0] ?? { runs: 0, runTimeNs: 0 };
    this.close = () => monitor.close();
  }

  /** Runs and nanoseconds so far, while the kernel keeps statistics. */
  read(): { runs: number; runTimeNs: number } {
    return this.#read();
  }
}
