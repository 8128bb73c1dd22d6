/**
 * What was last exported of each series of a family: the base of the next delta. It only moves on when an export has
 * succeeded, so that what a Collector missed is in the next delta instead of lost.
 */
export class SeriesHistory {
  readonly #bucketCount: number;
  #generations = new Float64Array(0);
  #values = new Float64Array(0);
  #sums = new Float64Array(0);
  #untilUnixMs = new Float64Array(0);
  #buckets = new Float64Array(0);

  /** `bucketCount` is 0 for what is not a histogram. */
  constructor(bucketCount: number) {
    this.#bucketCount = bucketCount;
  }

  /** Whether anything of this generation of the slot has been exported. */
  has(slot: number, generation: number): boolean {
    return this.#generations[slot] === generation;
  }

  value(slot: number): number {
    return this.#values[slot] ?? 0;
  }

  sum(slot: number): number {
    return this.#sums[slot] ?? 0;
  }

  bucket(slot: number, index: number): number {
    return this.#buckets[slot * this.#bucketCount + index] ?? 0;
  }

  untilUnixMs(slot: number): number {
    return this.#untilUnixMs[slot] ?? 0;
  }

  /** Notes the totals that were exported, as of `untilUnixMs`. */
  record(
    slot: number,
    generation: number,
    untilUnixMs: number,
    value: number,
    sum: number,
    buckets: readonly number[],
  ): void {
    this.#reserve(slot);
    this.#generations[slot] = generation;
    this.#untilUnixMs[slot] = untilUnixMs;
    this.#values[slot] = value;
    this.#sums[slot] = sum;
    for (let i = 0; i < this.#bucketCount; i++) this.#buckets[slot * this.#bucketCount + i] = buckets[i] ?? 0;
  }

  #reserve(slot: number): void {
    if (slot < this.#generations.length) return;
    const size = Math.max(64, 2 ** Math.ceil(Math.log2(slot + 1)));
    this.#generations = grown(this.#generations, size);
    this.#values = grown(this.#values, size);
    this.#sums = grown(this.#sums, size);
    this.#untilUnixMs = grown(this.#untilUnixMs, size);
    this.#buckets = grown(this.#buckets, size * this.#bucketCount);
  }
}

function grown(old: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(size);
  next.set(old);
  return next;
}
