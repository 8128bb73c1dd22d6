import { randomBytes } from "node:crypto";
import type { AddressWords } from "./endpoint.ts";

const INITIAL_SLOTS = 16;

/**
 * A map from addresses to values whose lookups allocate nothing.
 *
 * Open addressing with linear probing, at most half full; a deletion shifts its followers back, so there are no
 * tombstones. The hash is seeded at random, because remote addresses are chosen by strangers.
 */
export class AddressTable<T extends object | number | boolean> {
  readonly #seed = randomBytes(4).readInt32LE();
  /** Four words per slot. */
  #keys = new Int32Array(4 * INITIAL_SLOTS);
  /** undefined marks a free slot. */
  #values: (T | undefined)[] = new Array<T | undefined>(INITIAL_SLOTS).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(address: AddressWords): T | undefined {
    return this.find(address.w0 | 0, address.w1 | 0, address.w2 | 0, address.w3 | 0);
  }

  /** Like `get`, for words that are already signed 32-bit integers. */
  find(w0: number, w1: number, w2: number, w3: number): T | undefined {
    return this.#values[this.#slot(w0, w1, w2, w3)];
  }

  set(address: AddressWords, value: T): void {
    if (this.#size * 2 >= this.#values.length) this.#grow();
    this.#put(address.w0 | 0, address.w1 | 0, address.w2 | 0, address.w3 | 0, value);
  }

  delete(address: AddressWords): boolean {
    let hole = this.#slot(address.w0 | 0, address.w1 | 0, address.w2 | 0, address.w3 | 0);
    if (this.#values[hole] === undefined) return false;
    const mask = this.#values.length - 1;
    for (let next = (hole + 1) & mask; this.#values[next] !== undefined; next = (next + 1) & mask) {
      const home = this.#home(next);
      // The follower may move into the hole only where its home does not lie between the two.
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      this.#keys.copyWithin(4 * hole, 4 * next, 4 * next + 4);
      this.#values[hole] = this.#values[next];
      hole = next;
    }
    this.#values[hole] = undefined;
    this.#size -= 1;
    return true;
  }

  clear(): void {
    this.#keys = new Int32Array(4 * INITIAL_SLOTS);
    this.#values = new Array<T | undefined>(INITIAL_SLOTS).fill(undefined);
    this.#size = 0;
  }

  /** Every address with its value, in no order. Delete only after the walk; what is set meanwhile may be left out of it. */
  *entries(): Generator<[AddressWords, T]> {
    // The walk may take its time: where the table grows, it goes on through what was there.
    const keys = this.#keys;
    const values = this.#values;
    for (let slot = 0; slot < values.length; slot += 1) {
      const value = values[slot];
      if (value === undefined) continue;
      yield [
        { w0: word(keys, slot, 0), w1: word(keys, slot, 1), w2: word(keys, slot, 2), w3: word(keys, slot, 3) },
        value,
      ];
    }
  }

  #put(w0: number, w1: number, w2: number, w3: number, value: T): void {
    const slot = this.#slot(w0, w1, w2, w3);
    if (this.#values[slot] === undefined) {
      this.#size += 1;
      this.#keys[4 * slot] = w0;
      this.#keys[4 * slot + 1] = w1;
      this.#keys[4 * slot + 2] = w2;
      this.#keys[4 * slot + 3] = w3;
    }
    this.#values[slot] = value;
  }

  /** The slot that holds the address, or the free one where it would go. */
  #slot(w0: number, w1: number, w2: number, w3: number): number {
    const keys = this.#keys;
    const values = this.#values;
    const mask = values.length - 1;
    let slot = this.#hash(w0, w1, w2, w3) & mask;
    while (values[slot] !== undefined) {
      const key = 4 * slot;
      if (keys[key + 3] === w3 && keys[key + 2] === w2 && keys[key + 1] === w1 && keys[key] === w0) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #home(slot: number): number {
    const keys = this.#keys;
    const key = 4 * slot;
    const hash = this.#hash(keys[key] ?? 0, keys[key + 1] ?? 0, keys[key + 2] ?? 0, keys[key + 3] ?? 0);
    return hash & (this.#values.length - 1);
  }

  #hash(w0: number, w1: number, w2: number, w3: number): number {
    let hash = this.#seed ^ w0;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ w1;
    hash = Math.imul(hash ^ (hash >>> 13), 0x297a2d39) ^ w2;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ w3;
    hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
    hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
    return hash ^ (hash >>> 15);
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Int32Array(2 * keys.length);
    this.#values = new Array<T | undefined>(2 * values.length).fill(undefined);
    this.#size = 0;
    for (let slot = 0; slot < values.length; slot += 1) {
      const value = values[slot];
      if (value === undefined) continue;
      const key = 4 * slot;
      this.#put(keys[key] ?? 0, keys[key + 1] ?? 0, keys[key + 2] ?? 0, keys[key + 3] ?? 0, value);
    }
  }
}

function word(keys: Int32Array, slot: number, index: number): number {
  return (keys[4 * slot + index] ?? 0) >>> 0;
}
