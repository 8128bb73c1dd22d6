import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { PATIENCE, SLOWNESS } from "../rig/slowness.ts";

/** How a program ended. `code` is null where a signal ended it. */
export interface ProgramResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Bytes kept of each output stream; what came earlier is forgotten. Default 4 MiB. */
  readonly keepBytes?: number;
  /** A program of its own session survives a Ctrl-C at the terminal. */
  readonly detached?: boolean;
}

const POLL_MS = 10;
const LISTEN_STATE = "0A";

/**
 * A running program with its output, waited for by what it prints, by a port it listens on, or by its end.
 * Time limits are multiplied by `PATIENCE`.
 */
export class Program {
  readonly argv: readonly string[];
  /** Resolves when the program has ended and its output is complete; never rejects. */
  readonly exited: Promise<ProgramResult>;
  readonly #child: ChildProcess;
  readonly #keepBytes: number;
  #stdout = "";
  #stderr = "";
  #ended: ProgramResult | undefined;

  private constructor(argv: readonly string[], options: ProgramOptions) {
    const [file = "", ...args] = argv;
    this.argv = argv;
    this.#keepBytes = options.keepBytes ?? 4 * 1024 * 1024;
    this.#child = spawn(file, args, {
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      detached: options.detached ?? false,
      env: { ...process.env, LC_ALL: "C", ...options.env },
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-this.#keepBytes);
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-this.#keepBytes);
    });
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#ended ??= { code, signal, stdout: this.#stdout, stderr: this.#stderr };
        resolve(this.#ended);
      };
      this.#child.once("close", end);
      this.#child.once("error", (error) => {
        this.#stderr += `${error.message}\n`;
        end(127, null);
      });
    });
    // A program that ends without reading its input breaks the pipe; its exit code tells the story.
    this.#child.stdin?.on("error", () => {});
    this.#child.stdin?.end(options.input);
  }

  static start(argv: readonly string[], options: ProgramOptions = {}): Program {
    return new Program(argv, options);
  }

  /** Runs to the end; the caller judges the exit code. */
  static run(argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
    return Program.start(argv, options).exited;
  }

  /** Runs to the end and returns standard output. Throws, with standard error, unless it exits with 0. */
  static async mustRun(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
    const result = await Program.run(argv, options);
    if (result.code !== 0) throw new Error(`${argv.join(" ")}: ${describeEnd(result)}`);
    return result.stdout;
  }

  /** Undefined where the program could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }
  get stdout(): string {
    return this.#stdout;
  }
  get stderr(): string {
    return this.#stderr;
  }
  get running(): boolean {
    return this.#ended === undefined;
  }

  /** The program is no reason for this process to stay. */
  unref(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) (stream as unknown as { unref(): void }).unref();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Asks the program to end, kills it after `graceMs`, and returns how it ended. Idempotent. */
  async stop(name: NodeJS.Signals = "SIGTERM", graceMs = 10_000): Promise<ProgramResult> {
    this.#child.kill(name);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs * PATIENCE);
    const result = await this.exited;
    clearTimeout(timer);
    return result;
  }

  /** Waits until standard output matches. */
  async waitForOutput(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    let match: RegExpExecArray | null = null;
    await this.waitUntil(
      `output matching ${pattern}`,
      async () => {
        match = pattern.exec(this.#stdout);
        return match !== null;
      },
      timeoutMs,
    );
    return match as unknown as RegExpExecArray;
  }

  /** Waits until a TCP socket listens on `port` in the program's network namespace, without connecting to it. */
  waitForListener(port: number, timeoutMs = 20_000): Promise<void> {
    const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    return this.waitUntil(
      `a listener on port ${port}`,
      async () => {
        for (const table of ["tcp", "tcp6"]) {
          const text = await readFile(`/proc/${this.pid}/net/${table}`, "utf8").catch(() => "");
          for (const line of text.split("\n").slice(1)) {
            const [, local, , state] = line.trim().split(/\s+/);
            if (state === LISTEN_STATE && local?.endsWith(wanted)) return true;
          }
        }
        return false;
      },
      timeoutMs,
    );
  }

  /** Waits until `condition` holds. Throws at the time limit, or at once when the program has ended. */
  async waitUntil(what: string, condition: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
    const limitMs = timeoutMs * PATIENCE;
    const deadline = performance.now() + limitMs;
    while (!(await condition())) {
      const problem = this.#ended
        ? `the program has ended: ${describeEnd(this.#ended)}`
        : performance.now() > deadline
          ? `not within ${limitMs} ms; standard error: ${this.#stderr.slice(-2000)}`
          : undefined;
      // The output may have come together with the end.
      if (problem !== undefined && !(await condition())) {
        throw new Error(`Cannot wait for ${what} of "${this.argv.join(" ")}": ${problem}`);
      }
      await delay(POLL_MS * SLOWNESS);
    }
  }
}

function describeEnd(result: ProgramResult): string {
  const how = result.signal ? `killed by ${result.signal}` : `exit code ${result.code}`;
  return `${how}: ${result.stderr.slice(-2000).trim() || result.stdout.slice(-2000).trim() || "no output"}`;
}
