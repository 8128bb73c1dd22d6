import { readFileSync } from "node:fs";
import { constants, hostname } from "node:os";
import { type Logger, pino } from "pino";
import { type Agent, startAgent } from "./agent.ts";
import { readCommand } from "./cli/command.ts";
import { doctorText, examine, isHealthy } from "./cli/doctor.ts";
import { helpText } from "./cli/help.ts";
import { LiveTable } from "./cli/live-table.ts";
import { VERSION } from "./cli/version.ts";
import { ConfigError } from "./config/config-error.ts";
import { readFlags } from "./config/flags.ts";
import { loadConfig } from "./config/load-config.ts";
import type { Config } from "./config/schema.ts";
import { OtlpConfigError } from "./export/otlp/otlp-config-error.ts";
import { loadAddon, type ProgramReport } from "./kernel/addon.ts";
import { TcpMonitor } from "./kernel/tcp-monitor.ts";
import { findCredentials } from "./kubernetes/find-credentials.ts";
import { KubeconfigError } from "./kubernetes/kubeconfig.ts";
import { probeApi } from "./kubernetes/probe-api.ts";

/** Exit codes: 1 where the job cannot be done, 2 where the command line or the configuration is wrong. */
const FAILED = 1;
const MISUSED = 2;

/** Runs what the command line asks for, and returns the exit code. Never throws: what went wrong is on standard error. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  return await obey(argv).catch(complain);
}

async function obey(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv);
  if (flags.help) {
    process.stdout.write(helpText(process.stdout.columns));
    return 0;
  }
  if (flags.version) {
    process.stdout.write(`weir ${VERSION}\n`);
    return 0;
  }
  const problems = [...flags.problems];
  const command = readCommand(flags.words, problems);
  const config = loadConfig({
    flags: { ...flags, problems },
    environment: process.env,
    hostname: hostname(),
    readFile: (path) => readFileSync(path, "utf8"),
  });
  return command === "doctor" ? await doctor(config) : await run(config);
}

async function run(config: Config): Promise<number> {
  const onTerminal = process.stdout.isTTY === true;
  // the live table owns the terminal: there, only what is serious is logged, to standard error
  const log = onTerminal
    ? pino({ level: "fatal" }, pino.destination({ dest: 2, sync: true }))
    : pino({ level: config.logLevel });
  // before anything is attached, so that no signal is missed
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  const agent = await startAgent(config, process.env, log);
  log.info({ metrics: agent.metricsUrl, node: config.nodeName, version: VERSION }, "serving metrics");
  const table = onTerminal ? showTable(agent, log) : undefined;
  const signal = await stopped;
  table?.shutdown();
  log.info({ signal }, "stopping");
  await agent.shutdown();
  log.info("stopped");
  return 0;
}

function showTable(agent: Agent, log: Logger): LiveTable {
  const table = new LiveTable({
    source: agent.table(),
    terminal: process.stdout,
    onError: (error) => log.error({ err: error }, "the table could not be drawn"),
  });
  table.start();
  return table;
}

async function doctor(config: Config): Promise<number> {
  const credentials = await findCredentials(config.kubernetes, process.env);
  const findings = await examine({
    // there is no other sysfs than the kernel's own, whatever is mounted around it
    host: { proc: config.host.proc, sysfs: "/sys" },
    programs: tryPrograms,
    api: credentials && (() => probeApi(credentials)),
  });
  process.stdout.write(doctorText(findings));
  return isHealthy(findings) ? 0 : FAILED;
}

/** Loads every program with the smallest maps, and unloads it again. */
async function tryPrograms(): Promise<ProgramReport[]> {
  const monitor = await TcpMonitor.open(loadAddon(), { maxConnections: 1024, ringBytes: 64 * 1024 });
  try {
    return monitor.programs();
  } finally {
    monitor.close();
  }
}

/** What to say of an error, and with which code to exit. */
function complain(error: unknown): number {
  const misused = error instanceof ConfigError || error instanceof KubeconfigError || error instanceof OtlpConfigError;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`weir: ${message}\n`);
  if (misused) process.stderr.write("See weir --help.\n");
  else if (isRefusedLoad(error)) process.stderr.write(`${NEEDED}\n`);
  else if (error instanceof Error && error.cause instanceof Error)
    process.stderr.write(`  because: ${error.cause.message}\n`);
  return misused ? MISUSED : FAILED;
}

/** The kernel does not let this process load programs. */
function isRefusedLoad(error: unknown): boolean {
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  return code === "ERR_WEIR_LOAD" && (errno === constants.errno.EPERM || errno === constants.errno.EACCES);
}

const NEEDED =
  "Loading eBPF programs needs root, or the capabilities BPF and PERFMON; weir doctor tells which are missing.";
