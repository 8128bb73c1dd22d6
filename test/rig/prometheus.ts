import { writeFileSync } from "node:fs";
import { freePort } from "./free-port.ts";
import { Process } from "./process.ts";
import { ScratchDirectory } from "./scratch-directory.ts";
import { toolPath } from "./tools.ts";

export interface PrometheusOptions {
  /** What to scrape, as `ADDRESS:PORT`; each under the label `job="weir"`. May be empty. */
  readonly targets: readonly string[];
  /** Default 1 000. */
  readonly scrapeIntervalMs?: number;
  /** Default `/metrics`. */
  readonly metricsPath?: string;
  /** Text of a rule file (YAML), evaluated every scrape interval. */
  readonly rules?: string;
}

/** One series of an answer. A scalar answer is one sample without labels. */
export interface Sample {
  /** Labels with `__name__`, where the expression keeps it. */
  readonly labels: Readonly<Record<string, string>>;
  /** The newest value: NaN and infinities as numbers. */
  readonly value: number;
  readonly timeSeconds: number;
}

export interface Target {
  readonly url: string;
  readonly up: boolean;
  /** Empty when the last scrape went well. */
  readonly lastError: string;
}

/** A real Prometheus server that scrapes fixed targets. */
export class Prometheus {
  /** `http://127.0.0.1:PORT`; it also takes OTLP below `/api/v1/otlp`. */
  readonly url: string;
  readonly #targetCount: number;
  readonly #directory: ScratchDirectory;
  readonly #process: Process;

  /** Returns when `/-/ready` says so; targets may not have been scraped yet, see `scraped()`. Builds Prometheus first where that was never done. */
  static async start(options: PrometheusOptions): Promise<Prometheus> {
    const program = await toolPath("prometheus", "prometheus");
    const directory = new ScratchDirectory();
    try {
      const address = `127.0.0.1:${await freePort()}`;
      writeFileSync(directory.file("prometheus.yaml"), JSON.stringify(configuration(options, directory), null, 2));
      const process = await Process.start({
        command: [
          program,
          `--config.file=${directory.file("prometheus.yaml")}`,
          `--storage.tsdb.path=${directory.file("data")}`,
          `--web.listen-address=${address}`,
          "--web.enable-otlp-receiver",
          // How soon targets are taken up at the start, 5 s by default.
          "--scrape.discovery-reload-interval=100ms",
        ],
        logFile: directory.file("prometheus.log"),
      });
      const prometheus = new Prometheus(`http://${address}`, new Set(options.targets).size, directory, process);
      const ready = async () => (await fetch(`${prometheus.url}/-/ready`)).ok;
      await process
        .waitUntil(ready, { what: "Prometheus's /-/ready", deadlineMs: 30_000 })
        .catch(async (error: unknown) => {
          await process.kill();
          throw error;
        });
      return prometheus;
    } catch (error) {
      directory.remove();
      throw error;
    }
  }

  private constructor(url: string, targetCount: number, directory: ScratchDirectory, process: Process) {
    this.url = url;
    this.#targetCount = targetCount;
    this.#directory = directory;
    this.#process = process;
  }

  /** What Prometheus wrote about itself. */
  log(): string {
    return this.#process.log();
  }

  /** An instant query, evaluated at `atSeconds` (default now). Throws with Prometheus's own words when the expression is wrong. */
  async query(expression: string, atSeconds?: number): Promise<Sample[]> {
    const time: Record<string, string> = atSeconds === undefined ? {} : { time: String(atSeconds) };
    const data = (await this.#get(`query?${new URLSearchParams({ query: expression, ...time })}`)) as QueryData;
    if (data.resultType === "vector") return data.result.map(({ metric, value }) => sample(metric, value));
    if (data.resultType === "scalar") return [sample({}, data.result)];
    throw new Error(
      `Cannot read the answer to ${expression}: an instant vector or scalar is needed, it is a ${data.resultType}`,
    );
  }

  /** The single value of an expression; undefined where it has no series. Throws where it has several. */
  async value(expression: string, atSeconds?: number): Promise<number | undefined> {
    const samples = await this.query(expression, atSeconds);
    if (samples.length > 1) throw new Error(`Cannot take one value of ${expression}: it has ${samples.length} series`);
    return samples[0]?.value;
  }

  /** Waits until `expression` has the value: scraping takes its time. The error says what it was last. */
  async waitForValue(expression: string, expected: number, deadlineMs = 15_000): Promise<void> {
    const look = async () => {
      const value = await this.value(expression);
      if (value !== expected) throw new Error(`its value is ${value}`);
      return true;
    };
    await this.#process.waitUntil(look, { what: `${expression} to become ${expected}`, deadlineMs, intervalMs: 100 });
  }

  /**
   * Waits until every target has been scraped without error once from now on. Returns the moment of that in seconds, for
   * `query()` and `value()`: a later scrape that fails ends every series, until the next one.
   */
  async scraped(deadlineMs = 15_000): Promise<number> {
    const sinceMs = Date.now();
    const look = async () => {
      const active = await this.#activeTargets();
      if (active.length < this.#targetCount)
        throw new Error(`${active.length} of ${this.#targetCount} targets are known`);
      for (const { scrapeUrl, lastScrape, lastError } of active) {
        if (lastError !== "") throw new Error(`${scrapeUrl}: ${lastError}`);
        if (!(Date.parse(lastScrape) >= sinceMs)) return undefined;
      }
      // Samples carry the time at which their scrape was due, milliseconds from when it began.
      return (Math.max(...active.map(({ lastScrape }) => Date.parse(lastScrape))) + 50) / 1_000;
    };
    return await this.#process.waitUntil(look, { what: "a scrape of every target", deadlineMs, intervalMs: 50 });
  }

  async targets(): Promise<Target[]> {
    const active = await this.#activeTargets();
    return active.map(({ scrapeUrl, health, lastError }) => ({ url: scrapeUrl, up: health === "up", lastError }));
  }

  /** Ends it and removes every file. The second call does nothing. */
  async stop(): Promise<void> {
    await this.#process.kill();
    this.#directory.remove();
  }

  async #activeTargets(): Promise<readonly ActiveTarget[]> {
    return ((await this.#get("targets?state=active")) as { activeTargets: ActiveTarget[] }).activeTargets;
  }

  async #get(pathAndQuery: string): Promise<unknown> {
    const answer = await fetch(`${this.url}/api/v1/${pathAndQuery}`);
    const body = (await answer.json()) as { status: string; data: unknown; error?: string };
    if (body.status !== "success") throw new Error(`Cannot get ${pathAndQuery} from Prometheus: ${body.error}`);
    return body.data;
  }
}

type RawValue = readonly [timeSeconds: number, value: string];

type QueryData =
  | { readonly resultType: "vector"; readonly result: readonly { metric: Record<string, string>; value: RawValue }[] }
  | { readonly resultType: "scalar"; readonly result: RawValue }
  | { readonly resultType: "matrix" | "string" };

interface ActiveTarget {
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
  readonly lastScrape: string;
}

function configuration(options: PrometheusOptions, directory: ScratchDirectory): object {
  const interval = `${options.scrapeIntervalMs ?? 1_000}ms`;
  if (options.rules !== undefined) writeFileSync(directory.file("rules.yaml"), options.rules);
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    ...(options.rules === undefined ? {} : { rule_files: [directory.file("rules.yaml")] }),
    scrape_configs: [
      {
        job_name: "weir",
        metrics_path: options.metricsPath ?? "/metrics",
        static_configs: [{ targets: options.targets }],
      },
    ],
  };
}

function sample(labels: Record<string, string>, [timeSeconds, text]: RawValue): Sample {
  const value = text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
  return { labels, value, timeSeconds };
}
