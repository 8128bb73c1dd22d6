const NS_PER_MS = 1e6;

/** Milliseconds since the Unix epoch, and CLOCK_MONOTONIC nanoseconds. */
export interface ClockSource {
  unixMs(): number;
  monotonicNs(): number;
}

/** Puts the kernel's monotonic times on the wall clock, as it is at each `refresh()`: once for a batch of records. */
export class WallClock {
  readonly #source: ClockSource;
  #unixMs = 0;
  #unixMsAtZero = 0;

  constructor(source: ClockSource) {
    this.#source = source;
    this.refresh();
  }

  refresh(): void {
    this.#unixMs = this.#source.unixMs();
    this.#unixMsAtZero = this.#unixMs - this.#source.monotonicNs() / NS_PER_MS;
  }

  /** Now, as of the last refresh. */
  get unixMs(): number {
    return this.#unixMs;
  }

  unixMsOf(monotonicNs: number): number {
    return this.#unixMsAtZero + monotonicNs / NS_PER_MS;
  }
}
