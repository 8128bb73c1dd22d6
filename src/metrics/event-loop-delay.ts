import { monitorEventLoopDelay } from "node:perf_hooks";

const NS_PER_SECOND = 1e9;

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>;

/**
 * How late the event loop runs, over the last one to two windows. Windows instead of "since the last read", so that
 * several readers do not take each other's peaks. The timer that finds it out is the agent's most frequent one: at 20 ms it was a
 * third of what an idle agent costs.
 */
export class EventLoopDelay {
  readonly #resolutionMs: number;
  readonly #windowMs: number;
  readonly #nowMs: () => number;
  #current: IntervalHistogram;
  #previous: IntervalHistogram | undefined;
  #beganMs: number;

  constructor(windowMs = 30_000, nowMs: () => number = () => performance.now(), resolutionMs = 50) {
    this.#windowMs = windowMs;
    this.#nowMs = nowMs;
    this.#resolutionMs = resolutionMs;
    this.#beganMs = nowMs();
    this.#current = this.#begin();
  }

  /** Longest and 99th percentile delay in seconds, beyond the timer's own period; 0 before the first sample. */
  read(): { maxSeconds: number; p99Seconds: number } {
    const maxNs = Math.max(this.#current.max, this.#previous?.max ?? 0);
    const p99Ns = Math.max(percentile(this.#current), this.#previous === undefined ? 0 : percentile(this.#previous));
    this.#roll();
    return { maxSeconds: this.#beyond(maxNs), p99Seconds: this.#beyond(p99Ns) };
  }

  close(): void {
    this.#current.disable();
  }

  /** The histogram holds the time between two runs of its timer, so the timer's period is taken off. */
  #beyond(ns: number): number {
    return Math.max(0, ns / NS_PER_SECOND - this.#resolutionMs / 1000);
  }

  #roll(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#beganMs < this.#windowMs) return;
    this.#current.disable();
    this.#previous = this.#current;
    this.#current = this.#begin();
    this.#beganMs = nowMs;
  }

  #begin(): IntervalHistogram {
    const histogram = monitorEventLoopDelay({ resolution: this.#resolutionMs });
    histogram.enable();
    return histogram;
  }
}

function percentile(histogram: IntervalHistogram): number {
  return histogram.count === 0 ? 0 : histogram.percentile(99);
}
