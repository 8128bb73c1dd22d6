/**
 * How long a scrape takes, and how long it keeps the event loop from other work.
 *
 * The server runs in this process and the client in another, so that only the server's work is seen. Each row is the
 * median of the rounds, the block the longest of all of them, the first scrape (which builds the text of each series)
 * apart. CPU is the server process's own. Run: node --expose-gc test/bench/scrape.bench.ts [series] [rounds]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { ScrapeServer } from "../../src/export/prometheus/scrape-server.ts";
import type { MetricFamily } from "../../src/metrics/family.ts";
import { edgeLikeFamily } from "./edge-like-family.ts";

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
  readonly blockMs: number;
  readonly bytes: number;
}

const client = spawn(process.execPath, ["-e", CLIENT], { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: client.stdout });

async function scrape(port: number, encoding: string): Promise<Row> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const answer = once(answers, "line");
  const cpu = process.threadCpuUsage();
  delay.enable();
  client.stdin.write(`${port} ${encoding}\n`);
  const [line] = (await answer) as [string];
  delay.disable();
  const used = process.threadCpuUsage(cpu);
  const [ms = 0, bytes = 0] = line.split(" ").map(Number);
  return { ms, bytes, cpuMs: (used.user + used.system) / 1000, blockMs: delay.max / 1e6 };
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
  const print = (what: string, rows: readonly Row[]) =>
    console.log(
      `${label.padEnd(12)} ${what.padEnd(16)} ${median(rows.map((row) => row.ms))
        .toFixed(1)
        .padStart(7)} ms` +
        ` ${median(rows.map((row) => row.cpuMs))
          .toFixed(1)
          .padStart(7)} ms CPU of the event loop` +
        ` ${Math.max(...rows.map((row) => row.blockMs))
          .toFixed(1)
          .padStart(6)} ms longest block` +
        ` ${(Math.max(...rows.map((row) => row.bytes)) / 1e6).toFixed(2).padStart(6)} MB`,
    );
  print("first", [await scrape(server.port, "identity")]);
  for (const encoding of ["identity", "gzip"]) {
    const rows: Row[] = [];
    for (let round = 0; round < ROUNDS; round++) rows.push(await scrape(server.port, encoding));
    print(encoding, rows);
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
