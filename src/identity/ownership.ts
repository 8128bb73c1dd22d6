/** Who held something from one moment up to another, in milliseconds since the Unix epoch. */
interface Interval<T> {
  readonly owner: T;
  fromMs: number;
  /** Undefined while it lasts. */
  end: End | undefined;
  /** When the claim was first heard of; `fromMs` may be earlier. */
  readonly seenMs: number;
  /** The claim's `tookAfterSeconds`. */
  readonly tookAfterSeconds: number;
  /** The owner itself gave it back, as against another having taken it over. */
  released: boolean;
  older: Interval<T> | undefined;
}

interface End {
  /** Until when the owner is the answer. */
  untilMs: number;
  /** Until when it was held for sure. */
  heldMs: number;
  /** Since when it is held no more for sure, or nearly so. */
  goneMs: number;
}

/** How a claim is to be read. All moments are milliseconds since the Unix epoch. */
export interface Claim {
  readonly nowMs: number;
  /** Since when the owner may have held it; -Infinity allowed as "always". Never reaches into an earlier owner's time. */
  readonly sinceMs: number;
  /** How much earlier still that may be where nobody else had it around then, as news take their time; 0 by default. */
  readonly leadMs?: number;
  /** Since when it may have been taken from one who has not given it back; `nowMs` by default. */
  readonly contestedMs?: number;
  /** Since when the owner has held it for sure, at most `nowMs`, which is the default. */
  readonly surelyMs?: number;
  /**
   * By another clock than ours, which previous owners had too, in seconds: it was taken after the one and before the other moment. Tells the
   * older of two claims, whichever is heard of first. 0, the default, where that is not known.
   */
  readonly tookAfterSeconds?: number;
  readonly tookBeforeSeconds?: number;
  /** When the owner did not have it yet, for sure; -Infinity by default. */
  readonly absentMs?: number;
  /** Whether it is taken from an owner who has not given it back. */
  readonly evict: boolean;
}

/** How a release is to be read. */
export interface Release {
  readonly nowMs: number;
  /** Until when it was held for sure; `nowMs` by default, and earlier where the news are old. */
  readonly heldMs?: number;
  /** Until when the owner is the answer as long as nobody else can have it; `nowMs` by default. */
  readonly untilMs?: number;
}

/** Two claims first heard of this close together came in one list, whose order says nothing about which is newer. */
const SAME_LIST_MS = 10_000;
/** A new owner's claim may be heard of so much later than it uses what it claims: there the old one is not the likeliest. */
const GUARD_MS = 50;

/**
 * Who owned one thing (an address, a port of an address) when.
 *
 * The newer claim wins, and what an earlier owner says or does afterwards changes nothing: a release ends only the releaser's
 * own time. Between the last moment at which the old owner may be it and the first at which the new one must be, nobody is.
 */
export class Ownership<T extends object> {
  #newest: Interval<T> | undefined;

  /** The owner at a moment; undefined in a gap. Allocates nothing. */
  at(unixMs: number): T | undefined {
    for (let one = this.#newest; one !== undefined; one = one.older) {
      if (unixMs >= one.fromMs) return one.end === undefined || unixMs < one.end.untilMs ? one.owner : undefined;
    }
    return undefined;
  }

  /** Whether the last owner that is known had given it back by then: the next one's claim may be under way. */
  isFreeAt(unixMs: number): boolean {
    const end = this.#newest?.end;
    return end !== undefined && unixMs >= end.untilMs;
  }

  claim(owner: T, claim: Claim): void {
    const { nowMs, sinceMs, leadMs = 0, contestedMs = nowMs, surelyMs = nowMs, evict } = claim;
    const { tookAfterSeconds = 0, tookBeforeSeconds = 0 } = claim;
    const newest = this.#newest;
    if (newest === undefined) {
      this.#push(owner, sinceMs - leadMs, nowMs, tookAfterSeconds);
      return;
    }
    const { end } = newest;
    if (end === undefined && newest.owner === owner) return;
    if (newest.owner !== owner && tookBeforeSeconds !== 0 && tookBeforeSeconds < newest.tookAfterSeconds) {
      insertBefore(newest, owner, claim);
      return;
    }
    if (end === undefined) {
      if (!evict) return;
      const takenMs = Math.max(contestedMs, newest.fromMs);
      newest.end = { untilMs: takenMs, heldMs: takenMs, goneMs: nowMs };
      this.#push(owner, Math.max(takenMs, Math.min(surelyMs, nowMs)), nowMs, tookAfterSeconds);
      return;
    }
    const leadStartMs = Math.max(sinceMs - leadMs, end.goneMs + leadMs);
    const startMs = Math.max(Math.min(sinceMs, leadStartMs), end.heldMs);
    const fromMs = Math.max(startMs, Math.min(surelyMs, Math.max(end.untilMs, end.goneMs)));
    // What is only likely of the old owner ends a little before the new one can have it.
    const lastMs = Math.max(startMs - GUARD_MS, Math.min(end.goneMs, startMs));
    end.untilMs = Math.max(newest.fromMs, Math.min(end.untilMs, lastMs));
    this.#push(owner, fromMs, nowMs, tookAfterSeconds);
  }

  /** News of one who had it before all of this was heard of, and has given it back. */
  recall(owner: T, claim: Claim, release: Release): void {
    const newest = this.#newest;
    const { nowMs, absentMs = Number.NEGATIVE_INFINITY } = claim;
    if (newest === undefined || newest.owner === owner || newest.seenMs <= absentMs) {
      this.claim(owner, claim);
      this.release(owner, release);
      return;
    }
    // Which of the two was first cannot be told: neither is named for the time until now.
    newest.fromMs = Math.max(newest.fromMs, nowMs);
    if (newest.end === undefined) return;
    newest.end = { untilMs: Math.max(newest.fromMs, newest.end.untilMs), heldMs: nowMs, goneMs: nowMs };
  }

  release(owner: T, release: Release): void {
    const { nowMs, heldMs = nowMs, untilMs = nowMs } = release;
    const newest = this.#newest;
    for (let one = newest; one !== undefined; one = one.older) {
      if (one.owner === owner) one.released = true;
    }
    if (newest?.owner !== owner || newest.end !== undefined) return;
    const { fromMs } = newest;
    const goneMs = Math.max(fromMs, nowMs);
    const end: End = { goneMs, heldMs: Math.max(fromMs, Math.min(heldMs, nowMs)), untilMs: Math.max(fromMs, untilMs) };
    newest.end = end;
    // Another that still claims it, and was passed over only by the order of a list, has it back.
    for (let one = newest.older; one !== undefined; one = one.older) {
      if (one.released || newest.seenMs - one.seenMs > SAME_LIST_MS || one.tookAfterSeconds !== 0) continue;
      end.untilMs = Math.min(end.untilMs, goneMs);
      this.#push(one.owner, goneMs, one.seenMs, 0);
      return;
    }
  }

  /** Forgets what ended before a moment; returns how many intervals with an end remain, or -1 where nothing at all remains. */
  prune(beforeMs: number): number {
    if (this.#newest?.end !== undefined && this.#newest.end.untilMs < beforeMs) this.#newest = undefined;
    if (this.#newest === undefined) return -1;
    let ended = this.#newest.end === undefined ? 0 : 1;
    for (let one: Interval<T> | undefined = this.#newest; one !== undefined; one = one.older) {
      const end = one.older?.end;
      if (end === undefined) break;
      if (end.untilMs < beforeMs) one.older = undefined;
      else ended += 1;
    }
    return ended;
  }

  #push(owner: T, fromMs: number, seenMs: number, tookAfterSeconds: number): void {
    const older = this.#newest;
    this.#newest = { owner, fromMs, end: undefined, seenMs, tookAfterSeconds, released: false, older };
  }
}

/** News of one who had it before: that is history, where there is room for it. */
function insertBefore<T>(newer: Interval<T>, owner: T, { sinceMs, nowMs, tookAfterSeconds = 0 }: Claim): void {
  const { older, fromMs: endMs } = newer;
  const fromMs = Math.max(sinceMs, older?.end?.untilMs ?? Number.NEGATIVE_INFINITY);
  if (older?.owner === owner || !(fromMs < endMs)) return;
  const end: End = { untilMs: endMs, heldMs: endMs, goneMs: endMs };
  newer.older = { owner, fromMs, end, seenMs: nowMs, tookAfterSeconds, released: false, older };
}
