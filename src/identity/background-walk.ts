import { performance } from "node:perf_hooks";

export interface BackgroundWalkOptions {
  /** One run; each step is short, and the run may pause after any. */
  readonly steps: () => Generator<void>;
  /** Longest time at a stretch on the event loop. */
  readonly sliceMs: number;
}

/** Share of one core that runs may take: the pause before the next is this many times what the last one cost. */
const PAUSE_PER_COST = 50;

/**
 * A walk through the host's files that is repeated on request: one run in flight, in slices that leave the event loop free,
 * not more often than asked for and than 2 % of a core allow.
 */
export class BackgroundWalk {
  readonly #steps: () => Generator<void>;
  readonly #sliceMs: number;
  #run: Generator<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = 0;
  #immediate: NodeJS.Immediate | undefined;
  #startedMs = Number.NEGATIVE_INFINITY;
  #costMs = 0;
  #waiters: (() => void)[] = [];
  #closed = false;
  #failures = 0;
  #runs = 0;

  constructor({ steps, sliceMs }: BackgroundWalkOptions) {
    this.#steps = steps;
    this.#sliceMs = sliceMs;
  }

  get running(): boolean {
    return this.#run !== undefined;
  }

  /** Runs that ended by an error. */
  get failures(): number {
    return this.#failures;
  }

  /** Complete runs. */
  get runs(): number {
    return this.#runs;
  }

  /** Begins a run at once, or when the last one began `intervalMs` ago. While one runs it does nothing, while one waits it may come earlier. */
  request(intervalMs: number): void {
    if (this.#closed || this.running) return;
    const dueMs = this.#startedMs + Math.max(intervalMs, this.#costMs * PAUSE_PER_COST);
    // Misses come by the thousand: most need no look at the clock.
    if (this.#timer !== undefined && dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    const waitMs = dueMs - performance.now();
    if (!(waitMs > 0)) {
      this.#begin();
      return;
    }
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(() => this.#begin(), waitMs).unref();
  }

  /** Runs once, now, and resolves when the run is over, whether it ended well or not. */
  async runNow(): Promise<void> {
    if (this.#closed) return;
    const over = new Promise<void>((resolve) => this.#waiters.push(resolve));
    if (!this.running) this.#begin();
    await over;
  }

  /** Idempotent. A run in flight is given up. */
  shutdown(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#run = undefined;
    this.#release();
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#startedMs = performance.now();
    this.#costMs = 0;
    this.#run = this.#steps();
    this.#slice();
  }

  #slice(): void {
    const run = this.#run;
    if (run === undefined) return;
    const fromMs = performance.now();
    let nowMs = fromMs;
    let over = false;
    try {
      do {
        over = run.next().done === true;
        nowMs = performance.now();
      } while (!over && nowMs - fromMs < this.#sliceMs);
    } catch {
      // The walk counts what it expects to fail; whatever else goes wrong must not end the agent.
      this.#failures += 1;
      over = true;
    }
    this.#costMs += nowMs - fromMs;
    if (!over) {
      this.#immediate = setImmediate(() => this.#slice());
      return;
    }
    this.#runs += 1;
    this.#run = undefined;
    this.#release();
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
