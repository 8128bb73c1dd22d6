import type { Clock } from "./clock.ts";
import type { WatchErrorKind } from "./watch-error.ts";

/** How often a kind of trouble with single objects is told of. */
const OBJECTS_MS = 3_600_000;

/**
 * Which errors of a watch are news. A server that is away, or that denies a resource, is told of once, and again only after all
 * was well; every attempt would be the same line.
 */
export class WatchTrouble {
  readonly #clock: Clock;
  readonly #told = new Set<WatchErrorKind>();
  readonly #objectsToldMs = new Map<WatchErrorKind, number>();
  /** Since when the resource is not followed; undefined while it is, or while nobody was told that it is not. */
  #downSinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether an end of the watch was told of that is not over. */
  get isTold(): boolean {
    return this.#told.size > 0;
  }

  /** Whether to tell that the watch ended; then that is taken as told. */
  isNews(kind: WatchErrorKind): boolean {
    if (this.#told.has(kind)) return false;
    this.#told.add(kind);
    this.#downSinceMs ??= this.#clock.monotonicMs();
    return true;
  }

  /** Whether to tell of trouble with one object, which the watch outlives; then that is taken as told. */
  isNewsOfObject(kind: WatchErrorKind): boolean {
    const nowMs = this.#clock.monotonicMs();
    const toldMs = this.#objectsToldMs.get(kind);
    if (toldMs !== undefined && nowMs - toldMs < OBJECTS_MS) return false;
    this.#objectsToldMs.set(kind, nowMs);
    return true;
  }

  /** The resource is followed: for how many milliseconds it was not, where that was told and its end was not. */
  recovered(): number | undefined {
    const sinceMs = this.#downSinceMs;
    this.#downSinceMs = undefined;
    return sinceMs === undefined ? undefined : this.#clock.monotonicMs() - sinceMs;
  }

  /** The resource was followed for long enough: what happens next is news. */
  over(): void {
    this.#told.clear();
  }
}
