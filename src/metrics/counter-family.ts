import type { AttributeKey, MetricFamily } from "./family.ts";
import { DEFAULT_MAX_SERIES, type FamilyOptions } from "./family-options.ts";
import { SeriesTable } from "./series-table.ts";

/** Counters by attribute values. For numbers of the agent itself: flows have their own columns. */
export class CounterFamily implements MetricFamily {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind = "counter";
  readonly attributeKeys: readonly AttributeKey[];
  readonly bounds: readonly number[] = [];
  readonly #series: SeriesTable;
  readonly #values: number[] = [];

  constructor(options: FamilyOptions) {
    this.name = options.name;
    this.description = options.description;
    this.unit = options.unit;
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

  /** Takes over a total that is counted elsewhere, such as in the kernel. A total never falls. */
  observe(attributes: readonly string[], total: number): void {
    const slot = this.#slot(attributes);
    if (total > this.value(slot)) this.#values[slot] = total;
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
