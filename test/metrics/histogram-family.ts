import type { AttributeKey, MetricFamily } from "../../src/metrics/family.ts";
import { DEFAULT_MAX_SERIES, type FamilyOptions } from "../../src/metrics/family-options.ts";
import { SeriesTable } from "../../src/metrics/series-table.ts";

/** Histograms with fixed bounds, by attribute values. */
export class HistogramFamily implements MetricFamily {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind = "histogram";
  readonly attributeKeys: readonly AttributeKey[];
  readonly bounds: readonly number[];
  readonly #series: SeriesTable;
  readonly #counts: number[] = [];
  readonly #sums: number[] = [];
  /** `bounds.length + 1` numbers for each slot. */
  readonly #buckets: number[] = [];

  /** `bounds` are upper bounds, inclusive, in `unit`, finite and ascending. */
  constructor(options: FamilyOptions, bounds: readonly number[]) {
    const wrong = bounds.findIndex((bound, i) => !Number.isFinite(bound) || (i > 0 && bound <= (bounds[i - 1] ?? 0)));
    if (wrong >= 0) {
      throw new RangeError(
        `Cannot make ${options.name}: bounds must be finite and ascending, current value at ${wrong} is ${bounds[wrong]}`,
      );
    }
    this.name = options.name;
    this.description = options.description;
    this.unit = options.unit;
    this.attributeKeys = options.attributeKeys;
    this.bounds = bounds;
    this.#series = new SeriesTable(
      options.attributeKeys.length,
      options.maxSeries ?? DEFAULT_MAX_SERIES,
      options.now ?? Date.now,
    );
  }

  /** Records one observation, in `unit`; NaN is an error. */
  record(attributes: readonly string[], observation: number): void {
    if (Number.isNaN(observation))
      throw new RangeError(`Cannot record in ${this.name}: a number is needed, current value is NaN`);
    const slot = this.#series.slotFor(attributes, (fresh) => this.#reset(fresh));
    let index = 0;
    while (index < this.bounds.length && observation > (this.bounds[index] ?? 0)) index++;
    const at = slot * (this.bounds.length + 1) + index;
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1;
    this.#counts[slot] = this.value(slot) + 1;
    this.#sums[slot] = this.sum(slot) + observation;
  }

  /** Ends the series of these values. */
  remove(attributes: readonly string[]): void {
    this.#series.release(attributes);
  }

  get slots(): number {
    return this.#series.slots;
  }

  /** How many series are alive. */
  get live(): number {
    return this.#series.live;
  }

  /** How many updates went to the overflow series. */
  get overflowed(): number {
    return this.#series.overflowed;
  }

  generation(slot: number): number {
    return this.#series.generation(slot);
  }

  attributes(slot: number): readonly string[] {
    return this.#series.attributes(slot);
  }

  startUnixMs(slot: number): number {
    return this.#series.startUnixMs(slot);
  }

  value(slot: number): number {
    return this.#counts[slot] ?? 0;
  }

  sum(slot: number): number {
    return this.#sums[slot] ?? 0;
  }

  bucket(slot: number, index: number): number {
    return this.#buckets[slot * (this.bounds.length + 1) + index] ?? 0;
  }

  #reset(slot: number): void {
    const width = this.bounds.length + 1;
    for (let i = 0; i < width; i++) this.#buckets[slot * width + i] = 0;
    this.#counts[slot] = 0;
    this.#sums[slot] = 0;
  }
}
