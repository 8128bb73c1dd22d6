import type { TcpLayout } from "../kernel/addon.ts";
import { TcpRecords } from "../kernel/tcp-records.ts";

/**
 * Copies of records, in the order in which they came, of connections whose owner is about to be known. Memory that
 * was never needed costs nothing.
 */
export class HeldRecords {
  readonly #records: TcpRecords;
  readonly #capacity: number;
  #size = 0;
  /** While they are gone through: how many of them are held again. */
  #kept = -1;

  constructor(layout: TcpLayout, capacity: number) {
    this.#records = new TcpRecords(layout, new ArrayBuffer(layout.recordBytes * capacity));
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  /** Copies a record; false where there is no room. */
  add(records: TcpRecords, index: number): boolean {
    if (this.#kept >= 0) {
      // its place, or an earlier one, is free by now
      if (index !== this.#kept) records.copyTo(index, this.#records, this.#kept);
      this.#kept++;
      return true;
    }
    if (this.#size >= this.#capacity) return false;
    records.copyTo(index, this.#records, this.#size++);
    return true;
  }

  /** Calls `count` for each; what it adds again is kept. It may add no other. */
  replay(count: (records: TcpRecords, index: number) => void): void {
    this.#kept = 0;
    for (let index = 0; index < this.#size; index++) count(this.#records, index);
    this.#size = this.#kept;
    this.#kept = -1;
  }
}
