import { WordTable } from "./word-table.ts";

/** Beyond, the two tables take turns early: 12 bytes a place, some 13 MB for both. */
const MAX_YOUNG = 262_144;

/**
 * Halves that were counted without their other half: should that turn up on this host after all, it is recognised by
 * the initial sequence numbers and not counted a second time. Two tables take turns, so that a half is remembered for one
 * to two turns.
 */
export class SeenHalves {
  #young = new WordTable(2, 1024);
  #old = new WordTable(2, 1024);

  /** `edge` is its generation: its index may be another's when the other half turns up. */
  add(isns: Uint32Array, edge: number): void {
    if (this.#young.size >= MAX_YOUNG) this.turn();
    this.#young.set(isns, edge);
  }

  /** The half's `edge`, forgotten with this call, or -1. */
  take(isns: Uint32Array): number {
    const edge = this.#young.delete(isns);
    return edge >= 0 ? edge : this.#old.delete(isns);
  }

  turn(): void {
    const emptied = this.#old;
    emptied.clear();
    this.#old = this.#young;
    this.#young = emptied;
  }
}
