const LOAD = 0.6;
const EMPTY = -1;

/**
 * A hash table from a key of a fixed number of 32-bit words to an integer of 0 .. 2^31-1. Nothing is allocated per
 * operation: a key is any array of that many words, which the caller uses again. Grows by doubling; open addressing with
 * linear probing, where a deletion moves what follows up, so that no chain is longer than what is in it.
 */
export class WordTable {
  readonly #width: number;
  #mask: number;
  #keys: Uint32Array;
  #values: Int32Array;
  #size = 0;
  /** Where the last key was found: the next question is often the same. */
  #last = 0;

  constructor(width: number, capacity = 64) {
    this.#width = width;
    const places = 2 ** Math.ceil(Math.log2(Math.max(8, capacity / LOAD)));
    this.#mask = places - 1;
    this.#keys = new Uint32Array(places * width);
    this.#values = new Int32Array(places).fill(EMPTY);
  }

  get size(): number {
    return this.#size;
  }

  /** The key's value, or -1. */
  get(key: Uint32Array): number {
    if (this.#size === 0) return EMPTY;
    if (!this.#isAt(this.#last, key)) this.#last = this.#find(key);
    return this.#values[this.#last] as number;
  }

  set(key: Uint32Array, value: number): void {
    const place = this.#find(key);
    if (this.#values[place] === EMPTY) this.#insert(key, place, value);
    else this.#values[place] = value;
  }

  /** Sets the key unless it is there; whether it was not. */
  add(key: Uint32Array, value: number): boolean {
    const place = this.#find(key);
    if (this.#values[place] !== EMPTY) return false;
    this.#insert(key, place, value);
    return true;
  }

  /** Removes the key and returns its value, or -1. */
  delete(key: Uint32Array): number {
    if (this.#size === 0) return EMPTY;
    const place = this.#find(key);
    const value = this.#values[place] as number;
    if (value !== EMPTY) {
      this.#closeGap(place);
      this.#size--;
    }
    return value;
  }

  clear(): void {
    this.#values.fill(EMPTY);
    this.#size = 0;
  }

  /** Where the words from `from` on would be, if nothing else were there. */
  #home(words: Uint32Array, from: number): number {
    let hash = 0;
    for (let word = from; word < from + this.#width; word++) {
      hash = Math.imul(hash ^ (words[word] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & this.#mask;
  }

  /** The key's place, or the empty one where it would go. */
  #find(key: Uint32Array): number {
    const values = this.#values;
    let place = this.#home(key, 0);
    while (values[place] !== EMPTY && !this.#hasKey(place, key)) place = (place + 1) & this.#mask;
    return place;
  }

  #isAt(place: number, key: Uint32Array): boolean {
    return this.#hasKey(place, key) && this.#values[place] !== EMPTY;
  }

  #hasKey(place: number, key: Uint32Array): boolean {
    const keys = this.#keys;
    const width = this.#width;
    for (let word = 0; word < width; word++) if (keys[place * width + word] !== key[word]) return false;
    return true;
  }

  /** Fills an empty place, or where it goes after growing. */
  #insert(key: Uint32Array, place: number, value: number): void {
    const isFull = this.#size + 1 > (this.#mask + 1) * LOAD;
    if (isFull) this.#grow();
    this.#put(key, 0, isFull ? this.#find(key) : place, value);
    this.#size++;
  }

  /** Empties a place, and moves up what is found only because it was taken. */
  #closeGap(gap: number): void {
    const width = this.#width;
    let open = gap;
    for (let place = (gap + 1) & this.#mask; this.#values[place] !== EMPTY; place = (place + 1) & this.#mask) {
      const home = this.#home(this.#keys, place * width);
      // its way from home to here does not lead over the open place
      if (((place - home) & this.#mask) < ((place - open) & this.#mask)) continue;
      this.#put(this.#keys, place * width, open, this.#values[place] as number);
      open = place;
    }
    this.#values[open] = EMPTY;
  }

  /** Fills a place with the words from `from` on. */
  #put(words: Uint32Array, from: number, place: number, value: number): void {
    const at = place * this.#width;
    for (let word = 0; word < this.#width; word++) this.#keys[at + word] = words[from + word] as number;
    this.#values[place] = value;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    const places = (this.#mask + 1) * 2;
    this.#mask = places - 1;
    this.#keys = new Uint32Array(places * this.#width);
    this.#values = new Int32Array(places).fill(EMPTY);
    for (let place = 0; place < values.length; place++) {
      if (values[place] === EMPTY) continue;
      const from = place * this.#width;
      let into = this.#home(keys, from);
      while (this.#values[into] !== EMPTY) into = (into + 1) & this.#mask;
      this.#put(keys, from, into, values[place] as number);
    }
  }
}
