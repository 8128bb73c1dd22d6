import type { Sweep } from "../kernel/addon.ts";
import type { TcpMonitor } from "../kernel/tcp-monitor.ts";
import type { FlowCounter } from "./flow-counter.ts";

/** Between sweeps that are made because halves have waited for their other half. */
const PAIRING_SWEEP_MS = 400;
/** How long a half that a sweep has shown may wait: two such sweeps, and the batches before and after. */
const PAIRING_MS = 3 * PAIRING_SWEEP_MS;
/** How long the end waits for answers about what was counted last. */
const LAST_ANSWERS_MS = 1_000;
/** Sweeps of everything, to notice what ended without a record. */
const FULL_SWEEP_MS = 60_000;

export interface FlowLoopOptions {
  readonly monitor: TcpMonitor;
  readonly counter: FlowCounter;
  readonly drainIntervalMs: number;
  readonly sweepIntervalMs: number;
  /** Records after which the next drain comes at once: the ring fills faster than the timer empties it. */
  readonly pressingRecords: number;
  /** CLOCK_MONOTONIC milliseconds. */
  readonly nowMs: () => number;
  /** Told of each failed collection. The loop goes on. */
  readonly onError: (error: unknown) => void;
}

/** Reads the kernel's records by timer and counts them: one collection under way at a time. */
export class FlowLoop {
  readonly #options: FlowLoopOptions;
  /** Sooner than the interval, so that also what has to wait is shown within it. */
  readonly #sweepAfterMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #lastSweepMs: number;
  #lastFullSweepMs: number;
  #collections = 0;
  #records = 0;

  constructor(options: FlowLoopOptions) {
    this.#options = options;
    this.#sweepAfterMs = Math.max(options.sweepIntervalMs / 2, options.sweepIntervalMs - PAIRING_MS);
    this.#lastSweepMs = options.nowMs();
    this.#lastFullSweepMs = this.#lastSweepMs;
  }

  get collections(): number {
    return this.#collections;
  }
  /** Records read so far. */
  get records(): number {
    return this.#records;
  }

  start(): void {
    this.#schedule(0);
  }

  /** Ends the loop with a last sweep and drain, so that all that the kernel counted is counted here. Idempotent. */
  async shutdown(): Promise<void> {
    if (this.#stopped) return this.#running;
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#running = this.#running.then(async () => {
      await this.#collect("changed");
      await this.#options.counter.finish(LAST_ANSWERS_MS);
      this.#options.counter.settle();
    });
    await this.#running;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#turn();
    }, delayMs);
  }

  async #turn(): Promise<void> {
    const startMs = this.#options.nowMs();
    const records = await this.#collect(this.#nextSweep(startMs));
    if (records > this.#options.pressingRecords) this.#schedule(0);
    else this.#schedule(Math.max(0, this.#options.drainIntervalMs - (this.#options.nowMs() - startMs)));
  }

  #nextSweep(nowMs: number): Sweep {
    const sinceMs = nowMs - this.#lastSweepMs;
    const isWanted = sinceMs >= PAIRING_SWEEP_MS && this.#options.counter.wantsSweep;
    if (sinceMs < this.#sweepAfterMs && !isWanted) return "none";
    this.#lastSweepMs = nowMs;
    if (nowMs - this.#lastFullSweepMs < FULL_SWEEP_MS) return "changed";
    this.#lastFullSweepMs = nowMs;
    return "all";
  }

  async #collect(sweep: Sweep): Promise<number> {
    try {
      const records = await this.#options.monitor.collect(sweep);
      this.#options.counter.count(records, sweep);
      this.#collections++;
      this.#records += records.length;
      return records.length;
    } catch (error) {
      this.#options.onError(error);
      return 0;
    }
  }
}
