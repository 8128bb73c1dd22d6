/** Who held something from one moment up to another, in milliseconds since the Unix epoch. */
interface Interval<T> {
  readonly owner: T;
  readonly fromMs: number;
  /** Infinity while it lasts. */
  untilMs: number;
  /** When the claim was first heard of; `fromMs` may be earlier. */
  readonly seenMs: number;
  /** The owner itself gave it back, as against another having taken it over. */
  released: boolean;
  older: Interval<T> | undefined;
}

/** How a claim is to be read. */
export interface Claim {
  readonly nowMs: number;
  /** How long before `nowMs` the owner may have held it already; -Infinity allowed as "always". Never reaches into an earlier owner's time. */
  readonly sinceMs: number;
  /** Whether it is taken from an owner who has not given it back. */
  readonly evict: boolean;
}

/** Two claims first heard of this close together came in one list, whose order says nothing about which is newer. */
const SAME_LIST_MS = 10_000;

/**
 * Who owned one thing (an address, a port of an address) when.
 *
 * The newest claim wins from the moment it is heard of, and what an earlier owner says or does afterwards changes nothing:
 * a release ends only the releaser's own time.
 */
export class Ownership<T extends object> {
  #newest: Interval<T> | undefined;

  /** The owner at a moment; undefined in a gap. Allocates nothing. */
  at(unixMs: number): T | undefined {
    for (let interval = this.#newest; interval !== undefined; interval = interval.older) {
      if (unixMs >= interval.fromMs) return unixMs < interval.untilMs ? interval.owner : undefined;
    }
    return undefined;
  }

  claim(owner: T, { nowMs, sinceMs, evict }: Claim): void {
    const newest = this.#newest;
    if (newest === undefined) {
      this.#push(owner, sinceMs, nowMs);
    } else if (newest.untilMs !== Number.POSITIVE_INFINITY) {
      this.#push(owner, Math.max(sinceMs, newest.untilMs), nowMs);
    } else if (newest.owner !== owner && evict) {
      newest.untilMs = Math.max(newest.fromMs, nowMs);
      this.#push(owner, newest.untilMs, nowMs);
    }
  }

  release(owner: T, nowMs: number): void {
    const newest = this.#newest;
    for (let interval = newest; interval !== undefined; interval = interval.older) {
      if (interval.owner === owner) interval.released = true;
    }
    if (newest?.owner !== owner || newest.untilMs !== Number.POSITIVE_INFINITY) return;
    newest.untilMs = Math.max(newest.fromMs, nowMs);
    // Another that still claims it, and was passed over only by the order of a list, has it back.
    for (let interval = newest.older; interval !== undefined; interval = interval.older) {
      if (interval.released || newest.seenMs - interval.seenMs > SAME_LIST_MS) continue;
      this.#push(interval.owner, newest.untilMs, interval.seenMs);
      return;
    }
  }

  /** Forgets what ended before a moment; returns how many intervals with an end remain, or -1 where nothing at all remains. */
  prune(beforeMs: number): number {
    if (this.#newest !== undefined && this.#newest.untilMs < beforeMs) this.#newest = undefined;
    if (this.#newest === undefined) return -1;
    let ended = this.#newest.untilMs === Number.POSITIVE_INFINITY ? 0 : 1;
    for (let interval: Interval<T> | undefined = this.#newest; interval !== undefined; interval = interval.older) {
      if (interval.older === undefined) break;
      if (interval.older.untilMs < beforeMs) interval.older = undefined;
      else ended += 1;
    }
    return ended;
  }

  #push(owner: T, fromMs: number, seenMs: number): void {
    this.#newest = { owner, fromMs, seenMs, untilMs: Number.POSITIVE_INFINITY, released: false, older: this.#newest };
  }
}
