import type { Sweep } from "../kernel/addon.ts";
import type { TcpMonitor } from "../kernel/tcp-monitor.ts";
import type { FlowCounter } from "./flow-counter.ts";

/** Between sweeps that are made because halves have waited for their other half. */
const PAIRING_SWEEP_MS = 400;
/** How long a half that a sweep has shown may wait: two such sweeps, and the batches before and after. */
const PAIRING_MS = 3 * PAIRING_SWEEP_MS;
/** How long the end waits for answers about what was counted last. */
const LAST_ANSWERS_MS = 1_000;
/** Records that a drain should bring: as many as one CPU's outbox holds, and as the processor's caches keep until they are counted. */
const DRAIN_RECORDS = 1_024;
/** No drain is sooner after another, unless the ring fills. */
const MIN_DRAIN_MS = 20;
/** Between sweeps of everything, to notice what ended without a record: three times what another sweep costs. */
const FULL_SWEEP_MS = 180_000;
const TIDY_MS = 60_000;

export interface FlowLoopOptions {
  readonly monitor: TcpMonitor;
  readonly counter: FlowCounter;
  /** Between drains while there is little to drain. */
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
  #lastTidyMs: number;
  #lastTurnMs: number;
  #lastBatchMs = Number.NEGATIVE_INFINITY;
  #waitMs: number;
  #collections = 0;
  #records = 0;

  constructor(options: FlowLoopOptions) {
    this.#options = options;
    this.#sweepAfterMs = Math.max(options.sweepIntervalMs / 2, options.sweepIntervalMs - PAIRING_MS);
    this.#lastSweepMs = options.nowMs();
    this.#lastFullSweepMs = this.#lastSweepMs;
    this.#lastTidyMs = this.#lastSweepMs;
    this.#lastTurnMs = this.#lastSweepMs;
    this.#waitMs = options.drainIntervalMs;
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
    const { nowMs, drainIntervalMs, pressingRecords } = this.#options;
    const startMs = nowMs();
    const isPart = startMs - this.#lastBatchMs < drainIntervalMs - MIN_DRAIN_MS;
    if (!isPart) this.#lastBatchMs = startMs;
    const sweep = this.#nextSweep(startMs, isPart);
    const records = await this.#collect(sweep, isPart);
    if (sweep === "none") this.#waitMs = this.#waitFor(records, startMs - this.#lastTurnMs);
    this.#lastTurnMs = startMs;
    if (startMs - this.#lastTidyMs >= TIDY_MS) {
      this.#lastTidyMs = startMs;
      this.#options.counter.tidy();
    }
    if (records > pressingRecords) this.#schedule(0);
    else this.#schedule(Math.max(0, this.#waitMs - (nowMs() - startMs)));
  }

  /** How long it should take until the next `DRAIN_RECORDS` are there. */
  #waitFor(records: number, sinceMs: number): number {
    const { drainIntervalMs } = this.#options;
    if (records * drainIntervalMs <= DRAIN_RECORDS * sinceMs) return drainIntervalMs;
    return Math.max(Math.min(MIN_DRAIN_MS, drainIntervalMs), (DRAIN_RECORDS * sinceMs) / records);
  }

  /** `isPart`: the batch is not over, and may still bring the other halves that would be swept for. */
  #nextSweep(nowMs: number, isPart: boolean): Sweep {
    const sinceMs = nowMs - this.#lastSweepMs;
    const isWanted = !isPart && sinceMs >= PAIRING_SWEEP_MS && this.#options.counter.wantsSweep;
    if (sinceMs < this.#sweepAfterMs && !isWanted) return "none";
    this.#lastSweepMs = nowMs;
    if (nowMs - this.#lastFullSweepMs < FULL_SWEEP_MS) return "changed";
    this.#lastFullSweepMs = nowMs;
    return "all";
  }

  async #collect(sweep: Sweep, isPart = false): Promise<number> {
    try {
      const records = await this.#options.monitor.collect(sweep);
      this.#options.counter.count(records, sweep, isPart);
      this.#collections++;
      this.#records += records.length;
      return records.length;
    } catch (error) {
      this.#options.onError(error);
      return 0;
    }
  }
}
