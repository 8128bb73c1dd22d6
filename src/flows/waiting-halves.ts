import type { TcpLayout } from "../kernel/addon.ts";
import { TcpRecords } from "../kernel/tcp-records.ts";
import { WordTable } from "./word-table.ts";

/** Sweeps that a half waits for its other half: one that began after it came, and one for what was under way. */
const WAIT_SWEEPS = 2;
/** Instead of the sweep that ends the wait, once it was settled. */
const SETTLED = Number.POSITIVE_INFINITY;
/** Later than any sweep, and earlier than the end of all waits. */
const HELD = Number.MAX_SAFE_INTEGER - 1;
/** The two initial sequence numbers of a connection, its client's first: the same at both ends. */
export const ISN_WORDS = 2;

/**
 * Halves of connections that wait for their other half, which may be a socket of this host: each with a copy of its
 * latest record. Found by the two initial sequence numbers, which both halves share. Nothing is allocated per half.
 */
export class WaitingHalves {
  readonly records: TcpRecords;
  readonly #places = new WordTable(ISN_WORDS);
  readonly #isns: Uint32Array;
  readonly #isServer: Uint8Array;
  readonly #slots: Int32Array;
  /** The sweep that ends the wait. */
  readonly #untilSweep: Float64Array;
  /** The batch of records that it came with. */
  readonly #sinceBatch: Float64Array;
  /** How many halves the place has had. */
  readonly #tickets: Uint32Array;
  /** Places without a half: the first `#freeCount`. */
  readonly #free: Uint32Array;
  #freeCount: number;
  /** Places to look at when sweeps end waits, each once; those that were settled since are skipped. The first `#queued`. */
  readonly #queue: Uint32Array;
  readonly #isQueued: Uint8Array;
  #queued = 0;
  readonly #key = new Uint32Array(ISN_WORDS);
  #batch = 0;
  #sweep = 0;

  constructor(layout: TcpLayout, capacity: number) {
    this.records = new TcpRecords(layout, new ArrayBuffer(layout.recordBytes * capacity));
    this.#isns = new Uint32Array(capacity * ISN_WORDS);
    this.#isServer = new Uint8Array(capacity);
    this.#slots = new Int32Array(capacity);
    this.#untilSweep = new Float64Array(capacity);
    this.#sinceBatch = new Float64Array(capacity);
    this.#tickets = new Uint32Array(capacity);
    // the first place is the first to be taken
    this.#free = Uint32Array.from({ length: capacity }, (_, index) => capacity - 1 - index);
    this.#freeCount = capacity;
    this.#queue = new Uint32Array(capacity);
    this.#isQueued = new Uint8Array(capacity);
  }

  get size(): number {
    return this.#places.size;
  }

  /** Another batch of records begins. */
  beginBatch(): void {
    this.#batch++;
  }

  /**
   * Copies a record to wait; -1 where there is no room, or where the same half waits already. `slot` is the live connection's,
   * or -1.
   */
  add(isns: Uint32Array, records: TcpRecords, index: number, isServer: boolean, slot: number): number {
    if (this.#freeCount === 0) return -1;
    const place = this.#free[this.#freeCount - 1] as number;
    if (!this.#places.add(isns, place)) return -1;
    this.#freeCount--;
    for (let word = 0; word < ISN_WORDS; word++) this.#isns[place * ISN_WORDS + word] = isns[word] as number;
    this.#isServer[place] = isServer ? 1 : 0;
    this.#slots[place] = slot;
    this.#tickets[place] = (this.#tickets[place] as number) + 1;
    this.#untilSweep[place] = this.#sweep + WAIT_SWEEPS;
    this.#sinceBatch[place] = this.#batch;
    records.copyTo(index, this.records, place);
    if (this.#isQueued[place] === 0) this.#queue[this.#queued++] = place;
    this.#isQueued[place] = 1;
    return place;
  }

  /** A newer record of a half that waits: totals only grow, so the latest says it all. */
  update(place: number, records: TcpRecords, index: number): void {
    records.copyTo(index, this.records, place);
  }

  /** The half that waits for this one: a client for a server and the other way round. -1 where none does. */
  find(isns: Uint32Array, isServer: boolean): number {
    const place = this.#places.get(isns);
    return place >= 0 && (this.#isServer[place] === 1) !== isServer ? place : -1;
  }

  isServer(place: number): boolean {
    return this.#isServer[place] === 1;
  }
  slot(place: number): number {
    return this.#slots[place] as number;
  }

  /** Whether no sweep ends the wait, because somebody was asked who will answer, or its other half has come and is held. */
  isHeld(place: number): boolean {
    return this.#untilSweep[place] === HELD;
  }
  hold(place: number): void {
    this.#untilSweep[place] = HELD;
    this.#sinceBatch[place] = Number.POSITIVE_INFINITY; // a sweep tells nothing about it
  }
  /** Has a half wait for as many sweeps again. */
  postpone(place: number): void {
    this.#untilSweep[place] = this.#sweep + WAIT_SWEEPS;
  }
  /** With the place, a name of the half that no other half has; see `has()`. */
  ticket(place: number): number {
    return this.#tickets[place] as number;
  }
  /** Whether the half with this ticket still waits. */
  has(place: number, ticket: number): boolean {
    return this.#tickets[place] === ticket && this.#untilSweep[place] !== SETTLED;
  }

  /** Ends the wait. The record stays readable until the next `add`. */
  remove(place: number): void {
    for (let word = 0; word < ISN_WORDS; word++) this.#key[word] = this.#isns[place * ISN_WORDS + word] as number;
    this.#places.delete(this.#key);
    this.#untilSweep[place] = SETTLED;
    this.#free[this.#freeCount++] = place;
  }

  /** Whether one waits that came before this batch. */
  isAnyOlder(): boolean {
    let kept = 0;
    let found = false;
    for (let at = 0; at < this.#queued; at++) {
      const place = this.#queue[at] as number;
      if (this.#untilSweep[place] === SETTLED) {
        this.#isQueued[place] = 0; // so that the next look is short
        continue;
      }
      this.#queue[kept++] = place;
      found ||= (this.#sinceBatch[place] as number) < this.#batch;
    }
    this.#queued = kept;
    return found;
  }

  /** A sweep is over: calls `settle`, which has to `remove`, `hold` or `postpone`, for each half that has waited for as many as it should. */
  endSweep(settle: (place: number) => void): void {
    this.#sweep++;
    this.#settle(this.#sweep, settle);
  }

  /** Ends all waits as `endSweep` does. */
  settleAll(settle: (place: number) => void): void {
    this.#settle(Number.MAX_SAFE_INTEGER, settle);
  }

  #settle(sweep: number, settle: (place: number) => void): void {
    let kept = 0;
    for (let at = 0; at < this.#queued; at++) {
      const place = this.#queue[at] as number;
      const until = this.#untilSweep[place] as number;
      if (until <= sweep) settle(place);
      if (this.#untilSweep[place] === SETTLED) this.#isQueued[place] = 0;
      else this.#queue[kept++] = place;
    }
    this.#queued = kept;
  }
}
