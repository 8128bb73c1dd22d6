import { WordTable } from "./word-table.ts";

const TWO_TO_32 = 2 ** 32;
/** Words of a connection's id. */
export const ID_WORDS = 2;
/** Totals that are remembered of each connection. */
const TOTALS = 5;

/**
 * Connections that a sweep has shown: which edge they belong to, and the totals that were counted already. A connection
 * that is born and gone between two sweeps never gets here. By column; nothing is allocated per record.
 */
export class LiveConnections {
  readonly #slots = new WordTable(ID_WORDS, 1024);
  readonly #free: number[] = [];
  #capacity = 1024;
  #used = 0;
  #edges = new Int32Array(this.#capacity);
  #marks = new Uint8Array(this.#capacity);
  #generations = new Uint32Array(this.#capacity);
  #ids = new Uint32Array(this.#capacity * ID_WORDS);
  readonly #id = new Uint32Array(ID_WORDS);
  #totals = new Float64Array(this.#capacity * TOTALS);

  get size(): number {
    return this.#slots.size;
  }

  /** The connection's slot, or -1. */
  find(id: Uint32Array): number {
    return this.#slots.get(id);
  }

  /** A slot for a connection that has none, with nothing counted yet. */
  add(id: Uint32Array): number {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#capacity) this.#grow();
    this.#edges[slot] = -1;
    this.#marks[slot] = 0;
    this.#ids.set(id, slot * ID_WORDS);
    this.#totals.fill(0, slot * TOTALS, slot * TOTALS + TOTALS);
    this.#slots.set(id, slot);
    return slot;
  }

  remove(slot: number): void {
    if (this.#slots.delete(this.#idOf(slot)) === slot) this.#free.push(slot);
  }

  /** The edge's index; negative while that is not decided. */
  edge(slot: number): number {
    return this.#edges[slot] as number;
  }
  setEdge(slot: number, edge: number): void {
    this.#edges[slot] = edge;
  }
  /** Bits of the caller's. */
  marks(slot: number): number {
    return this.#marks[slot] as number;
  }
  mark(slot: number, bits: number): void {
    this.#marks[slot] = (this.#marks[slot] as number) | bits;
  }
  /** When the connection was last seen, in full sweeps. */
  seen(slot: number, generation: number): void {
    this.#generations[slot] = generation;
  }

  /** Remembers a total as counted, and returns by how much it grew: never less than 0. */
  advance(slot: number, total: number, value: number): number {
    const at = slot * TOTALS + total;
    const before = this.#totals[at] as number;
    if (value <= before) return 0;
    this.#totals[at] = value;
    return value - before;
  }

  /** The same for one of the kernel's 32-bit counters, which begin again at 0 after 2^32. */
  advanceWord(slot: number, total: number, value: number): number {
    const at = slot * TOTALS + total;
    const grownBy = (value - (this.#totals[at] as number)) >>> 0;
    if (grownBy >= TWO_TO_32 / 2) return 0; // an older reading
    this.#totals[at] = value;
    return grownBy;
  }
  /** Where a 32-bit counter begins. */
  setWord(slot: number, total: number, value: number): void {
    this.#totals[slot * TOTALS + total] = value;
  }

  /** Calls `visit` with the slot of each connection that no sweep has seen since `generation`. */
  forEachUnseen(generation: number, visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.#used; slot++) {
      if ((this.#generations[slot] as number) >= generation) continue;
      if (this.find(this.#idOf(slot)) === slot) visit(slot);
    }
  }

  #idOf(slot: number): Uint32Array {
    for (let word = 0; word < ID_WORDS; word++) this.#id[word] = this.#ids[slot * ID_WORDS + word] as number;
    return this.#id;
  }

  #grow(): void {
    this.#capacity *= 2;
    const widen = <T extends Int32Array | Uint8Array | Uint32Array | Float64Array>(from: T, into: T): T => {
      into.set(from);
      return into;
    };
    this.#edges = widen(this.#edges, new Int32Array(this.#capacity));
    this.#marks = widen(this.#marks, new Uint8Array(this.#capacity));
    this.#generations = widen(this.#generations, new Uint32Array(this.#capacity));
    this.#ids = widen(this.#ids, new Uint32Array(this.#capacity * ID_WORDS));
    this.#totals = widen(this.#totals, new Float64Array(this.#capacity * TOTALS));
  }
}
