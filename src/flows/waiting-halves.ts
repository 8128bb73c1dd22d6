import type { TcpLayout } from "../kernel/addon.ts";
import { TcpRecords } from "../kernel/tcp-records.ts";
import { WordTable } from "./word-table.ts";

/** One end of a connection, and how it waits. */
export interface WaitingHalf {
  readonly clientIsn: number;
  readonly serverIsn: number;
  readonly isServer: boolean;
  /** The live connection's, or -1. */
  readonly slot: number;
  /** The sweep that ends the wait. */
  readonly untilSweep: number;
  /** The batch of records that it came with. */
  readonly sinceBatch: number;
}

/**
 * Halves of connections that wait for their other half, which may be a socket of this host: each with a copy of its
 * latest record. Found by the two initial sequence numbers, which both halves share.
 */
export class WaitingHalves {
  readonly records: TcpRecords;
  readonly #pairs = new WordTable(2);
  readonly #slots: Int32Array;
  readonly #untilSweep: Float64Array;
  readonly #sinceBatch: Float64Array;
  readonly #isServer: Uint8Array;
  readonly #clientIsns: Uint32Array;
  readonly #serverIsns: Uint32Array;
  readonly #free: number[] = [];
  /** Places to look at when sweeps expire waits, each once; those that were settled since are skipped. */
  readonly #queue: number[] = [];
  readonly #isQueued: Uint8Array;

  constructor(layout: TcpLayout, capacity: number) {
    this.records = new TcpRecords(layout, new ArrayBuffer(layout.recordBytes * capacity));
    this.#slots = new Int32Array(capacity);
    this.#untilSweep = new Float64Array(capacity);
    this.#sinceBatch = new Float64Array(capacity);
    this.#isServer = new Uint8Array(capacity);
    this.#isQueued = new Uint8Array(capacity);
    this.#clientIsns = new Uint32Array(capacity);
    this.#serverIsns = new Uint32Array(capacity);
    for (let place = capacity - 1; place >= 0; place--) this.#free.push(place);
  }

  get size(): number {
    return this.#pairs.size;
  }

  /** Copies a record to wait; -1 where there is no room, or where the same half waits already. */
  add(records: TcpRecords, index: number, half: WaitingHalf): number {
    this.#ask(half.clientIsn, half.serverIsn);
    if (this.#pairs.get() >= 0) return -1;
    const place = this.#free.pop();
    if (place === undefined) return -1;
    this.#ask(half.clientIsn, half.serverIsn);
    this.#pairs.set(place);
    this.#clientIsns[place] = half.clientIsn;
    this.#serverIsns[place] = half.serverIsn;
    this.#isServer[place] = half.isServer ? 1 : 0;
    this.#slots[place] = half.slot;
    this.#untilSweep[place] = half.untilSweep;
    this.#sinceBatch[place] = half.sinceBatch;
    records.copyTo(index, this.records, place);
    if (this.#isQueued[place] === 0) this.#queue.push(place);
    this.#isQueued[place] = 1;
    return place;
  }

  /** A newer record of a half that waits: totals only grow, so the latest says it all. */
  update(place: number, records: TcpRecords, index: number): void {
    records.copyTo(index, this.records, place);
  }

  /** The half that waits for this one: a client for a server and the other way round. -1 where none does. */
  find(clientIsn: number, serverIsn: number, isServer: boolean): number {
    this.#ask(clientIsn, serverIsn);
    const place = this.#pairs.get();
    return place >= 0 && (this.#isServer[place] === 1) !== isServer ? place : -1;
  }

  isServer(place: number): boolean {
    return this.#isServer[place] === 1;
  }
  slot(place: number): number {
    return this.#slots[place] as number;
  }

  /** Ends the wait. The record stays readable until the next `add`. */
  remove(place: number): void {
    this.#ask(this.#clientIsns[place] as number, this.#serverIsns[place] as number);
    this.#pairs.delete();
    this.#untilSweep[place] = Number.POSITIVE_INFINITY;
    this.#free.push(place);
  }

  /** Whether one waits that came before this batch. */
  isAnyOlderThan(batch: number): boolean {
    let kept = 0;
    let found = false;
    for (const place of this.#queue) {
      if (this.#untilSweep[place] === Number.POSITIVE_INFINITY) {
        this.#isQueued[place] = 0; // settled: so that the next look is short
        continue;
      }
      this.#queue[kept++] = place;
      found ||= (this.#sinceBatch[place] as number) < batch;
    }
    this.#queue.length = kept;
    return found;
  }

  /** Calls `settle`, which has to `remove`, for each half that has waited for as many sweeps as it was to. */
  expire(sweep: number, settle: (place: number) => void): void {
    let kept = 0;
    for (const place of this.#queue) {
      const until = this.#untilSweep[place] as number;
      const waits = until !== Number.POSITIVE_INFINITY;
      if (waits && until > sweep) {
        this.#queue[kept++] = place;
        continue;
      }
      this.#isQueued[place] = 0;
      if (waits) settle(place);
    }
    this.#queue.length = kept;
  }

  #ask(clientIsn: number, serverIsn: number): void {
    this.#pairs.key[0] = clientIsn;
    this.#pairs.key[1] = serverIsn;
  }
}
