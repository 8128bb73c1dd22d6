import type { AttributeKey, MetricFamily, MetricKind } from "./family.ts";
import { DEFAULT_MAX_SERIES, type FamilyOptions } from "./family-options.ts";
import { SeriesTable } from "./series-table.ts";

/**
 * Counters or gauges by attribute values; `updowncounter` where summing the series over agents gives a meaningful total.
 * For numbers of the agent itself: flows have their own columns.
 */
export class ValueFamily implements MetricFamily {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: Exclude<MetricKind, "histogram">;
  readonly attributeKeys: readonly AttributeKey[];
  readonly bounds: readonly number[] = [];
  readonly #series: SeriesTable;
  readonly #values: number[] = [];

  constructor(kind: Exclude<MetricKind, "histogram">, options: FamilyOptions) {
    this.name = options.name;
    this.description = options.description;
    this.unit = options.unit;
    this.kind = kind;
    this.attributeKeys = options.attributeKeys;
    this.#series = new SeriesTable(
      options.attributeKeys.length,
      options.maxSeries ?? DEFAULT_MAX_SERIES,
      options.now ?? Date.now,
    );
  }

  /** Adds `amount`, in `unit`; a negative or non-finite amount is an error. */
  add(attributes: readonly string[], amount: number): void {
    if (!(amount >= 0 && amount < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`Cannot add to ${this.name}: a finite amount from 0 is needed, current value is ${amount}`);
    }
    const slot = this.#slot(attributes);
    this.#values[slot] = this.value(slot) + amount;
  }

  /**
   * Takes over a value that is kept elsewhere, such as in the kernel. A counter never falls. The overflow series of a
   * gauge holds what came last, so budget it for all it can get.
   */
  set(attributes: readonly string[], value: number): void {
    const slot = this.#slot(attributes);
    if (this.kind !== "counter" || value > this.value(slot)) this.#values[slot] = value;
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
    return this.#values[slot] ?? 0;
  }
  sum(): number {
    return 0;
  }
  bucket(): number {
    return 0;
  }

  #slot(attributes: readonly string[]): number {
    return this.#series.slotFor(attributes, (slot) => {
      this.#values[slot] = 0;
    });
  }
}
