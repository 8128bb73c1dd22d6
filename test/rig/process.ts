import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PATIENCE } from "./slowness.ts";
import { type WaitOptions, waitUntil } from "./wait-until.ts";

export interface ProcessOptions {
  /** Program and arguments; the program is looked up in PATH when it has no slash. */
  readonly command: readonly [string, ...string[]];
  /** Standard output and error are appended to this file. */
  readonly logFile: string;
  /** Added to this process's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A child with a log file that cannot outlive this process: the kernel kills it when its parent goes, however that happens.
 * It must be started from the main thread (the kernel's "parent" is the thread that forked).
 */
export class Process {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Settles when the child has ended; never rejects. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;

  /** Throws where the program cannot be started at all. */
  static async start(options: ProcessOptions): Promise<Process> {
    const log = openSync(options.logFile, "a");
    try {
      const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...options.command], {
        stdio: ["ignore", log, log],
        env: { ...process.env, ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      });
      await once(child, "spawn");
      return new Process(child, options);
    } catch (cause) {
      throw new Error(`Cannot start ${options.command[0]}: setpriv (package util-linux) did not start`, { cause });
    } finally {
      closeSync(log);
    }
  }

  private constructor(child: ChildProcess, options: ProcessOptions) {
    this.#child = child;
    this.name = basename(options.command[0]);
    this.pid = child.pid as number;
    this.logFile = options.logFile;
    this.exited = once(child, "exit").then(([code, signal]) => ({ code, signal }) as Exit);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Everything the child has written so far (all runs that shared the log file). */
  log(): string {
    return readFileSync(this.logFile, "utf8");
  }

  /** Like the free function, but ends at once when the child does. Errors carry the end of the log. */
  async waitUntil<T>(condition: () => T | Promise<T>, options: WaitOptions) {
    const watch = new AbortController();
    void this.exited.then(({ code, signal }) => {
      watch.abort(
        new Error(`Cannot wait for ${options.what}: ${this.name} ended with ${signal ?? `exit code ${code}`}`),
      );
    });
    try {
      return await waitUntil(condition, { ...options, signal: watch.signal });
    } catch (cause) {
      const tail = this.log().trimEnd().split("\n").slice(-15).join("\n");
      throw new Error(`${(cause as Error).message}. Its log ends with:\n${tail}`, { cause });
    }
  }

  /** To the child only, not to its children. Does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /** Asks the child to end and waits for it; after `graceMs`, multiplied by `PATIENCE`, it is killed. */
  async stop(graceMs = 5_000): Promise<Exit> {
    this.signal("SIGTERM");
    const grace = new AbortController();
    const late = delay(graceMs * PATIENCE, true, { signal: grace.signal }).catch(() => false);
    if (await Promise.race([late, this.exited.then(() => false)])) this.signal("SIGKILL");
    grace.abort();
    return this.exited;
  }

  /** SIGKILL, as a crash would be. */
  kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return this.exited;
  }
}
