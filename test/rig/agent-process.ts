import { join } from "node:path";
import { type LabelPattern, matches, parseExposition, type Sample } from "./exposition.ts";
import { type Exit, Process } from "./process.ts";
import { ScratchDirectory } from "./scratch-directory.ts";
import { PATIENCE } from "./slowness.ts";

export interface AgentOptions {
  /**
   * Appended to the command line. A free port of 127.0.0.1 is listened on unless `--listen` is among them; the ring buffer
   * is `RING_SIZE` unless `--flows.ring-size` is among them, or a `command` is given.
   */
  readonly flags?: readonly string[];
  /** Added to the environment, from which everything is removed that would configure the agent or name a cluster. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What to start instead of this Node with `src/main.ts`; the flags are appended. */
  readonly command?: readonly [string, ...string[]];
  readonly cwd?: string;
}

/** A line of the agent's log. */
export interface LogLine {
  /** 30 info, 40 warn, 50 error, 60 fatal. */
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** How an agent ended that was run to its end. */
export interface AgentRun extends Exit {
  /** Standard output and error. */
  readonly output: string;
}

/** An agent that has not ended by then hangs. */
const STOP_MS = 20_000;
/**
 * The agent sees every connection of the host. Where it gets no CPU for seconds, bursts of somebody else's would fill the
 * ring of the default size, and with them go a few of the test's own: counted as lost, but not exact.
 */
const RING_SIZE = "64MiB";
const MAIN = join(import.meta.dirname, "../../src/main.ts");
/** Variables that configure the agent, its exporters, or its way to a cluster. */
const CONFIGURES = /^(WEIR_|OTEL_|KUBE|NODE_NAME$|POD_UID$)/;

/**
 * The whole agent as a process. It measures every socket of this host, whoever's: select by labels that are the test's own.
 * It is killed when this process goes, however that happens.
 */
export class AgentProcess {
  /** Where `/metrics` is. */
  readonly metricsUrl: string;
  readonly #process: Process;
  readonly #directory: ScratchDirectory;

  /** Returns when it serves metrics; what it measures is complete after `ready()`. */
  static async start(options: AgentOptions = {}): Promise<AgentProcess> {
    const directory = new ScratchDirectory();
    const process = await launch({ ...options, flags: [...ringFlags(options), ...(options.flags ?? [])] }, directory);
    try {
      const serving = () => logLines(process.log()).find(({ msg }) => msg === "serving metrics")?.["metrics"];
      const url = await process.waitUntil(serving, { what: "the agent to serve metrics", deadlineMs: 30_000 });
      return new AgentProcess(String(url), process, directory);
    } catch (error) {
      await process.kill();
      directory.remove();
      throw error;
    }
  }

  /** `start()`, then `ready()`. */
  static async startReady(options: AgentOptions = {}): Promise<AgentProcess> {
    const agent = await AgentProcess.start(options);
    try {
      await agent.ready();
      return agent;
    } catch (error) {
      await agent.kill();
      throw error;
    }
  }

  /** Runs it to its end, for what ends by itself. Killed after `deadlineMs`, multiplied by `PATIENCE`. */
  static async run(options: AgentOptions = {}, deadlineMs = 20_000): Promise<AgentRun> {
    const directory = new ScratchDirectory();
    const process = await launch(options, directory);
    const timer = setTimeout(() => process.signal("SIGKILL"), deadlineMs * PATIENCE);
    try {
      return { ...(await process.exited), output: process.log() };
    } finally {
      clearTimeout(timer);
      directory.remove();
    }
  }

  private constructor(metricsUrl: string, process: Process, directory: ScratchDirectory) {
    this.metricsUrl = metricsUrl;
    this.#process = process;
    this.#directory = directory;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.running;
  }

  /** `127.0.0.1:PORT`. */
  get address(): string {
    return new URL(this.metricsUrl).host;
  }

  log(): LogLine[] {
    return logLines(this.#process.log());
  }

  /** Status and body of a path, such as `/readyz`. */
  async get(path: string): Promise<{ status: number; body: string }> {
    const response = await fetch(new URL(path, this.metricsUrl));
    return { status: response.status, body: await response.text() };
  }

  /** Waits until `/readyz` says yes. */
  async ready(deadlineMs = 30_000): Promise<void> {
    const look = async () => {
      const { status, body } = await this.get("/readyz");
      if (status !== 200) throw new Error(`/readyz says ${status}: ${body.trim()}`);
      return true;
    };
    await this.#process.waitUntil(look, { what: "the agent to be ready", deadlineMs });
  }

  /** The exposition as it is. */
  async exposition(): Promise<string> {
    const { status, body } = await this.get("/metrics");
    if (status !== 200) throw new Error(`Cannot scrape the agent: it answers ${status}: ${body.trim()}`);
    return body;
  }

  /** Every sample, or those of one name and with these labels. */
  async metrics(name?: string, labels?: LabelPattern): Promise<Sample[]> {
    const samples = parseExposition(await this.exposition());
    return name === undefined ? samples : samples.filter((sample) => matches(sample, name, labels));
  }

  /** Sum over the series of a name with these labels; 0 where there are none. */
  async sum(name: string, labels?: LabelPattern): Promise<number> {
    return total(await this.metrics(), name, labels);
  }

  /** Waits until `sum()` is what it should be; the error says what it was last. */
  async waitForSum(name: string, labels: LabelPattern, expected: number, deadlineMs = 15_000): Promise<void> {
    const what = `${name}${JSON.stringify(labels, shown)} to become ${expected}`;
    const look = async () => {
      const samples = parseExposition(await this.exposition());
      const sum = total(samples, name, labels);
      if (sum !== expected) throw new Error(`its sum is ${sum}${lostOf(samples)}`);
      return true;
    };
    await this.waitUntil(look, { what, deadlineMs, intervalMs: 50 });
  }

  /** As the free function, but ends at once when the agent does. Errors carry the end of its log. */
  waitUntil<T>(condition: () => T | Promise<T>, options: { what: string; deadlineMs?: number; intervalMs?: number }) {
    return this.#process.waitUntil(condition, options);
  }

  /** Sends a signal and waits until it has ended. Killed after 20 s, multiplied by `PATIENCE`: then `signal` is `SIGKILL`. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<AgentRun> {
    this.#process.signal(signal);
    const timer = setTimeout(() => this.#process.signal("SIGKILL"), STOP_MS * PATIENCE);
    const exit = await this.#process.exited;
    clearTimeout(timer);
    return this.#ended(exit);
  }

  /** SIGKILL, as a crash would be. */
  async kill(): Promise<AgentRun> {
    return this.#ended(await this.#process.kill());
  }

  #output: string | undefined;
  #ended(exit: Exit): AgentRun {
    this.#output ??= this.#process.log();
    this.#directory.remove();
    return { ...exit, output: this.#output };
  }
}

function total(samples: readonly Sample[], name: string, labels?: LabelPattern): number {
  return samples.filter((sample) => matches(sample, name, labels)).reduce((sum, { value }) => sum + value, 0);
}

/** What the agent says that it lost, for an error's text: it may be what is missing. */
function lostOf(samples: readonly Sample[]): string {
  const lost = samples.filter(({ name, value }) => name === "weir_agent_lost_records_total" && value > 0);
  return lost
    .map(({ labels, value }) => `, ${value} records were lost (${labels["stage"]} ${labels["reason"]})`)
    .join("");
}

function ringFlags({ flags = [], env, command }: AgentOptions): string[] {
  const given =
    flags.some((flag) => /^--flows\.ring-size(=|$)/.test(flag)) || env?.["WEIR_FLOWS_RING_SIZE"] !== undefined;
  return given || command !== undefined ? [] : ["--flows.ring-size", RING_SIZE];
}

async function launch(options: AgentOptions, directory: ScratchDirectory): Promise<Process> {
  const { command = [process.execPath, MAIN] as const, flags = [], env, cwd } = options;
  const listens = flags.some((flag) => /^--listen(=|$)/.test(flag)) || env?.["WEIR_LISTEN"] !== undefined;
  const cleared = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => CONFIGURES.test(name))
      .map((name) => [name, undefined]),
  );
  return await Process.start({
    command: [...command, ...(listens ? [] : ["--listen", "127.0.0.1:0"]), ...flags],
    logFile: directory.file("agent.log"),
    // No kubeconfig of the user's is found in an empty home.
    env: { ...cleared, HOME: directory.path, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** A last line without its end is still being written; what is not JSON was not logged, but printed. */
function logLines(text: string): LogLine[] {
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);
}

function shown(_: string, value: unknown): unknown {
  return value instanceof RegExp ? value.source : value;
}
