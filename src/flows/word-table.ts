const LOAD = 0.6;
const EMPTY = 0;
const GONE = 1;
const USED = 2;

/**
 * A hash table from a key of a fixed number of 32-bit words to a 32-bit integer. Nothing is allocated per operation:
 * the caller writes the key into `key` and then asks. Grows by doubling; open addressing with linear probing.
 */
export class WordTable {
  /** The key of the next `get`, `set` or `delete`: written by the caller. */
  readonly key: Uint32Array;
  readonly #width: number;
  #mask: number;
  #states: Uint8Array;
  #keys: Uint32Array;
  #values: Int32Array;
  #size = 0;
  /** Places that are not empty: in use, or gone and still part of a chain. */
  #filled = 0;

  constructor(width: number, capacity = 64) {
    this.key = new Uint32Array(width);
    this.#width = width;
    const places = 2 ** Math.ceil(Math.log2(Math.max(8, capacity / LOAD)));
    this.#mask = places - 1;
    this.#states = new Uint8Array(places);
    this.#keys = new Uint32Array(places * width);
    this.#values = new Int32Array(places);
  }

  get size(): number {
    return this.#size;
  }

  /** The key's value, or -1. */
  get(): number {
    const place = this.#find();
    return place < 0 ? -1 : (this.#values[place] as number);
  }

  /** `value` is 0 .. 2^31-1. */
  set(value: number): void {
    const found = this.#find();
    if (found >= 0) {
      this.#values[found] = value;
      return;
    }
    if (this.#filled + 1 > (this.#mask + 1) * LOAD) this.#rebuild();
    this.#insert(value);
  }

  /** Removes the key and returns its value, or -1. */
  delete(): number {
    const place = this.#find();
    if (place < 0) return -1;
    this.#states[place] = GONE;
    this.#size--;
    return this.#values[place] as number;
  }

  clear(): void {
    this.#states.fill(EMPTY);
    this.#size = 0;
    this.#filled = 0;
  }

  #hash(): number {
    let hash = 0;
    for (let word = 0; word < this.#width; word++) {
      hash = Math.imul(hash ^ (this.key[word] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #find(): number {
    const width = this.#width;
    for (let place = this.#hash() & this.#mask; ; place = (place + 1) & this.#mask) {
      const state = this.#states[place];
      if (state === EMPTY) return -1;
      if (state !== USED) continue;
      let word = 0;
      while (word < width && this.#keys[place * width + word] === this.key[word]) word++;
      if (word === width) return place;
    }
  }

  #insert(value: number): void {
    let place = this.#hash() & this.#mask;
    while (this.#states[place] === USED) place = (place + 1) & this.#mask;
    if (this.#states[place] === EMPTY) this.#filled++;
    this.#states[place] = USED;
    for (let word = 0; word < this.#width; word++) {
      this.#keys[place * this.#width + word] = this.key[word] as number;
    }
    this.#values[place] = value;
    this.#size++;
  }

  /** Into a table twice as large, or one of the same size where what fills it is mostly gone. */
  #rebuild(): void {
    const states = this.#states;
    const keys = this.#keys;
    const values = this.#values;
    const asked = this.key.slice();
    const places = (this.#mask + 1) * (this.#size > ((this.#mask + 1) * LOAD) / 2 ? 2 : 1);
    this.#mask = places - 1;
    this.#states = new Uint8Array(places);
    this.#keys = new Uint32Array(places * this.#width);
    this.#values = new Int32Array(places);
    this.#size = 0;
    this.#filled = 0;
    for (let place = 0; place < states.length; place++) {
      if (states[place] !== USED) continue;
      for (let word = 0; word < this.#width; word++) this.key[word] = keys[place * this.#width + word] as number;
      this.#insert(values[place] as number);
    }
    this.key.set(asked);
  }
}
