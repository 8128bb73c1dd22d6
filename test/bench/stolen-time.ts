import { readFileSync } from "node:fs";

/** The machine's CPU time so far, of all its cores, in the kernel's ticks. */
export interface CpuTime {
  readonly all: number;
  /** In which the host of this virtual machine let others run. The kernel adds some of it to whatever was running. */
  readonly stolen: number;
}

const TIMES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

export function cpuTime(): CpuTime {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  // after them come times of guests, which are parts of user and nice
  const ticks = line
    .split(/\s+/)
    .slice(1, 1 + TIMES.length)
    .map(Number);
  return { all: ticks.reduce((sum, each) => sum + each, 0), stolen: ticks[TIMES.indexOf("steal")] ?? 0 };
}

/** How much of the CPU the host has taken since, 0 to 1. */
export function stolenSince(before: CpuTime): number {
  const now = cpuTime();
  return now.all === before.all ? 0 : (now.stolen - before.stolen) / (now.all - before.all);
}
