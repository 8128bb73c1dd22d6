/**
 * How long a scrape takes, and how long it keeps the event loop from other work.
 *
 * The server runs in this process and the client in another, so that only the server's work is seen. Time and CPU are
 * medians of the rounds, with the first scrape apart, which builds the text of each series. The block is the longest
 * turn of the event loop by CPU time, over rounds of their own; elapsed time and CPU are of the same rounds. Run: node --expose-gc test/bench/scrape.bench.ts [series] [rounds]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ScrapeServer } from "../../src/export/prometheus/scrape-server.ts";
import type { MetricFamily } from "../../src/metrics/family.ts";
import { edgeLikeFamily } from "./edge-like-family.ts";
import { longestTurnMs } from "./longest-turn.ts";

const SERIES = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 15);
const BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Scrapes what stdin names, and prints milliseconds and bytes: an own process, so that it does not disturb the server's. */
const CLIENT = `
  const http = require("node:http");
  const agent = new http.Agent({ keepAlive: true });
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const [port, encoding] = line.split(" ");
    const began = performance.now();
    http.get({ port, host: "127.0.0.1", path: "/metrics", agent, headers: { "accept-encoding": encoding } }, (response) => {
      let bytes = 0;
      response.on("data", (chunk) => { bytes += chunk.length; });
      response.on("end", () => console.log(performance.now() - began, bytes));
    });
  });
`;

interface Row {
  readonly ms: number;
  readonly cpuMs: number;
  readonly bytes: number;
}

const client = spawn(process.execPath, ["-e", CLIENT], { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: client.stdout });

async function scrape(port: number, encoding: string): Promise<Row> {
  const answer = once(answers, "line");
  const cpu = process.threadCpuUsage();
  client.stdin.write(`${port} ${encoding}\n`);
  const [line] = (await answer) as [string];
  const used = process.threadCpuUsage(cpu);
  const [ms = 0, bytes = 0] = line.split(" ").map(Number);
  return { ms, bytes, cpuMs: (used.user + used.system) / 1000 };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function measure(label: string, families: readonly MetricFamily[]): Promise<void> {
  const server = await ScrapeServer.start({
    host: "127.0.0.1",
    port: 0,
    source: { families, refresh() {} },
    readiness: () => [],
  });
  const print = (what: string, rows: readonly Row[], blockMs: number) =>
    console.log(
      [
        label.padEnd(10),
        what.padEnd(8),
        `${median(rows.map((row) => row.ms)).toFixed(1)} ms`.padStart(10),
        `${median(rows.map((row) => row.cpuMs)).toFixed(1)} ms of CPU`.padStart(18),
        `${blockMs.toFixed(1)} ms longest block`.padStart(24),
        `${(Math.max(...rows.map((row) => row.bytes)) / 1e6).toFixed(2)} MB`.padStart(10),
      ].join(" "),
    );
  const first: Row[] = [];
  const firstBlockMs = await longestTurnMs(async () => first.push(await scrape(server.port, "identity")));
  print("first", first, firstBlockMs);
  for (const encoding of ["identity", "gzip"]) {
    const rows: Row[] = [];
    let blockMs = 0;
    for (let round = 0; round < ROUNDS; round++) {
      rows.push(await scrape(server.port, encoding));
      blockMs = Math.max(blockMs, await longestTurnMs(() => scrape(server.port, encoding)));
    }
    print(encoding, rows, blockMs);
  }
  globalThis.gc?.();
  console.log(`${label.padEnd(12)} resident ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
  await server.shutdown();
}

await measure("counters", [edgeLikeFamily("bench.io", "counter", SERIES)]);
const histograms = Math.ceil(SERIES / (BOUNDS.length + 3));
await measure("histograms", [edgeLikeFamily("bench.duration", "histogram", histograms, BOUNDS)]);
client.stdin.end();
answers.close();
