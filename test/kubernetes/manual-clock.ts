import type { Clock } from "../../src/kubernetes/clock.ts";

/** Time that stands still until `advance()`. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; delayMs: number; callback: () => void }[] = [];

  unixMs(): number {
    return 1_790_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Delays that are waited for, as they were asked for. */
  get delaysMs(): readonly number[] {
    return this.#timers.map((timer) => timer.delayMs);
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
    }
    this.#nowMs = untilMs;
  }
}
