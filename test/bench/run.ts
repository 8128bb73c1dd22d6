// Measures the whole agent and prints one table: what it costs, and whether it counts exactly.
//
//   npm run bench                              everything, about 20 minutes
//   npm run bench -- stream maps               only these
//   npm run bench -- --quick --json FILE       a look, and the readings as JSON
//
// Costs to others are ratios with the agent off and on in turns. Ends with 1 where a target is missed.
import { writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { parseArgs } from "node:util";
import { quietNode, shortConnectionCpu, startUp } from "./agent-cost.ts";
import { apiCost } from "./api-cost.ts";
import { type Bench, isMet } from "./bench.ts";
import { conserved, trueAtDefaults } from "./exactness.ts";
import { bulkStream, shortConnection } from "./kernel-time.ts";
import { kwok } from "./kwok.ts";
import { nodeFilter } from "./node-filter.ts";
import { type NamedReading, readingTable } from "./reading-table.ts";
import { scale } from "./scale.ts";
import { scrape } from "./scrape-cost.ts";
import { cpuTime, stolenSince } from "./stolen-time.ts";
import { connectionClose, keepAlive, stream } from "./throughput.ts";

const BENCHES: readonly Bench[] = [
  { name: "defaults", measure: trueAtDefaults },
  { name: "conserved", measure: conserved },
  { name: "stream", measure: stream },
  { name: "keep-alive", measure: keepAlive },
  { name: "close", measure: connectionClose },
  { name: "bpf-short", measure: shortConnection },
  { name: "bpf-stream", measure: bulkStream },
  { name: "node-filter", measure: nodeFilter },
  { name: "cpu-short", measure: shortConnectionCpu },
  { name: "quiet-node", measure: quietNode },
  { name: "start", measure: startUp },
  { name: "scrape", measure: scrape },
  { name: "scale", measure: scale },
  { name: "kwok", measure: kwok },
  { name: "api-cost", measure: apiCost },
];

const { quick, json, names } = readArguments();
const readings: NamedReading[] = [];
/** By bench: how much of the CPU this machine's host took away meanwhile. Times are too long by something like it. */
const stolen: Record<string, number> = {};
let failed = 0;
for (const { name, measure } of BENCHES) {
  if (names.length > 0 && !names.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  const before = cpuTime();
  try {
    readings.push(...(await measure({ quick })).map((reading) => ({ bench: name, ...reading })));
  } catch (error) {
    failed++;
    console.error(error);
  }
  stolen[name] = stolenSince(before);
}

const missed = readings.filter((reading) => !isMet(reading)).length;
const machine = { kernel: release(), cpu: cpus()[0]?.model ?? "", cores: cpus().length, load: loadavg()[0] };
console.log(`\n${machine.cores} cores of ${machine.cpu}, kernel ${machine.kernel}${quick ? "; a quick look" : ""}\n`);
console.log(readingTable(readings));
const shares = Object.entries(stolen).map(([name, share]) => `${name} ${(100 * share).toFixed(1)} %`);
console.log(`\nCPU that the host of this machine took away meanwhile: ${shares.join(", ")}`);
console.log(`\n${readings.length} readings, ${missed} missed their target, ${failed} benches failed`);
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, quick, readings, stolen }, undefined, 2)}\n`);
process.exitCode = missed + failed > 0 ? 1 : 0;

function readArguments(): { quick: boolean; json: string | undefined; names: string[] } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { quick: { type: "boolean", default: false }, json: { type: "string" } },
    });
    const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
    if (unknown.length === 0) return { quick: values.quick, json: values.json, names: positionals };
    console.error(`Cannot run ${unknown.join(", ")}: there are ${BENCHES.map(({ name }) => name).join(", ")}`);
  } catch (error) {
    console.error(
      `${(error as Error).message}\nThere are --quick, --json FILE, and names: ${BENCHES.map(({ name }) => name).join(", ")}`,
    );
  }
  process.exit(2);
}
