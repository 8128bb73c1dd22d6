import type { Clock } from "./clock.ts";

/**
 * Aborts a request that is silent for too long, or when its parent is aborted. The signal's reason is then
 * the error made for it, or the parent's reason.
 */
export class SilenceGuard {
  readonly #clock: Clock;
  readonly #parent: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onParentAbort: () => void;
  #silenceMs = 0;
  #makeError: () => Error = () => new Error("silent");
  #heardMs = 0;
  #cancelTimer: () => void = () => {};

  constructor(clock: Clock, parent: AbortSignal) {
    this.#clock = clock;
    this.#parent = parent;
    this.#onParentAbort = () => this.#controller.abort(parent.reason);
    if (parent.aborted) this.#onParentAbort();
    else parent.addEventListener("abort", this.#onParentAbort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on, `silenceMs` without `heard()` abort with what `makeError` returns. */
  expect(silenceMs: number, makeError: () => Error): void {
    this.#silenceMs = silenceMs;
    this.#makeError = makeError;
    this.#heardMs = this.#clock.monotonicMs();
    this.#arm(silenceMs);
  }

  heard(): void {
    this.#heardMs = this.#clock.monotonicMs();
  }

  /** Ends the guard without aborting. */
  dispose(): void {
    this.#cancelTimer();
    this.#parent.removeEventListener("abort", this.#onParentAbort);
  }

  // One timer per period of silence, not one per chunk: it looks at when something was heard last and goes on.
  #arm(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      const leftMs = this.#heardMs + this.#silenceMs - this.#clock.monotonicMs();
      if (leftMs > 0) this.#arm(leftMs);
      else this.#controller.abort(this.#makeError());
    });
  }
}
