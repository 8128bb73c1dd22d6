import { fileURLToPath } from "node:url";
import { Program } from "../lab/program.ts";
import type { BenchOptions, Reading } from "./bench.ts";

const SERIES = 100_000;
const ROUNDS = 15;
const QUICK_ROUNDS = 5;
const BENCH = fileURLToPath(new URL("scrape.bench.ts", import.meta.url));
const LINE = /^(\w+) +(\w+) +([\d.]+) ms +([\d.]+) ms of CPU +([\d.]+) ms longest block +([\d.]+) MB$/gm;

/** `scrape.bench.ts`, as rows: what a scrape of many series takes of the event loop's thread. */
export async function scrape({ quick }: BenchOptions): Promise<Reading[]> {
  const rounds = String(quick ? QUICK_ROUNDS : ROUNDS);
  const argv = [process.execPath, "--expose-gc", BENCH, String(SERIES), rounds];
  const text = await Program.mustRun(argv);
  const rows = [...text.matchAll(LINE)].map(([, family = "", what = "", ...numbers]) => {
    const [ms = Number.NaN, cpuMs = Number.NaN, blockMs = Number.NaN, megabytes = Number.NaN] = numbers.map(Number);
    return { family, what, ms, cpuMs, blockMs, megabytes };
  });
  const plain = rows.filter(({ what }) => what === "identity");
  if (plain.length < 2) throw new Error(`Cannot read the output of scrape.bench.ts:\n${text}`);
  return [
    ...plain.map(({ family, ms, cpuMs, megabytes }) => ({
      what: `100 000 series scraped, ${family}`,
      value: cpuMs,
      unit: "ms",
      target: { atMost: 50 },
      beside: `CPU of the event loop's thread; ${ms.toFixed(1)} ms until a client had all ${megabytes} MB`,
    })),
    {
      what: "longest turn of the event loop in a scrape",
      value: Math.max(...rows.map(({ blockMs }) => blockMs)),
      unit: "ms",
      target: { atMost: 20 },
      beside: "the first scrape and gzip included",
    },
  ];
}
