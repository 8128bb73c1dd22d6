import { writeFileSync } from "node:fs";
import type { Place } from "../lab/place.ts";
import type { Program } from "../lab/program.ts";
import { freePort } from "../rig/free-port.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import type { BenchOptions, Reading } from "./bench.ts";
import { here } from "./here.ts";
import { inTurns } from "./in-turns.ts";
import { median, range } from "./median.ts";

const TURN_S = 4;
const QUICK_TURN_S = 2;
const PAIRS = 7;
const QUICK_PAIRS = 3;
const WRK_CONNECTIONS = 64;

/** One stream over loopback, by iperf3. */
export async function stream(options: BenchOptions): Promise<Reading[]> {
  const place = await here();
  const port = String(await freePort());
  const server = place.start(["iperf3", "--server", "--port", port]);
  const argv = ["iperf3", "--client", "127.0.0.1", "--port", port, "--json", "--time", String(turnSeconds(options))];
  const gbps = async () => {
    const report = JSON.parse(await place.mustRun(argv)) as { end: { sum_received: { bits_per_second: number } } };
    return report.end.sum_received.bits_per_second / 1e9;
  };
  try {
    await server.waitForListener(Number(port));
    return [await ratio("iperf3, one stream", 0.99, "Gbit/s", options, gbps)];
  } finally {
    await server.stop();
  }
}

/** Requests over connections that stay. */
export async function keepAlive(options: BenchOptions): Promise<Reading[]> {
  return await requests("nginx + wrk, keep-alive", 0.98, options, []);
}

/** A connection for each request. */
export async function connectionClose(options: BenchOptions): Promise<Reading[]> {
  return await requests("nginx + wrk, Connection: close", 0.95, options, ["--header", "Connection: close"]);
}

async function requests(
  what: string,
  atLeast: number,
  options: BenchOptions,
  headers: readonly string[],
): Promise<Reading[]> {
  const place = await here();
  const port = await freePort();
  const directory = new ScratchDirectory();
  const url = `http://127.0.0.1:${port}/`;
  const load = ["--threads", "1", "--connections", String(WRK_CONNECTIONS), "--duration", `${turnSeconds(options)}s`];
  let nginx: Program | undefined;
  try {
    nginx = await startNginx(place, port, directory);
    const perSecond = async () => {
      const report = await place.mustRun(["wrk", ...load, ...headers, url]);
      if (/Non-2xx/.test(report)) throw new Error(`Cannot measure nginx: it answered with errors\n${report}`);
      return Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1]);
    };
    return [await ratio(what, atLeast, "requests/s", options, perSecond)];
  } finally {
    await nginx?.stop();
    directory.remove();
  }
}

async function startNginx(place: Place, port: number, directory: ScratchDirectory): Promise<Program> {
  const file = directory.file("nginx.conf");
  const server = `server { listen 127.0.0.1:${port} backlog=4096; keepalive_requests 1000000000; return 200 weir; }`;
  const http = `access_log off; ${server}`;
  // one worker, as wrk has one thread: of two cores each has its own
  const main = `daemon off; worker_processes 1; pid ${directory.file("nginx.pid")}; events { worker_connections 1024; }`;
  writeFileSync(file, `${main} http { ${http} }`);
  const nginx = place.start(["nginx", "-e", "stderr", "-c", file]);
  await nginx.waitForListener(port);
  return nginx;
}

async function ratio(
  what: string,
  atLeast: number,
  unit: string,
  options: BenchOptions,
  measure: () => Promise<number>,
): Promise<Reading> {
  const result = await inTurns(options.quick ? QUICK_PAIRS : PAIRS, measure);
  const digits = median(result.without) < 1000 ? 1 : 0;
  const turns = `turns ${range(result.ratios, 3)}, off/off differ by ${(100 * result.noise).toFixed(1)} %`;
  const medians = `${median(result.without).toFixed(digits)} off, ${median(result.with).toFixed(digits)} on ${unit}`;
  const cpu = `the agent's CPU ${((100 * result.agentCpuSeconds) / turnSeconds(options)).toFixed(1)} % of a core`;
  return {
    what: `${what}, on / off`,
    value: result.ratio,
    unit: "",
    target: { atLeast },
    beside: `${turns}; ${medians}; ${cpu}`,
  };
}

function turnSeconds({ quick }: BenchOptions): number {
  return quick ? QUICK_TURN_S : TURN_S;
}
