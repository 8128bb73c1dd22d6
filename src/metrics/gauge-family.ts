import type { AttributeKey, MetricFamily } from "./family.ts";
import { DEFAULT_MAX_SERIES, type FamilyOptions } from "./family-options.ts";
import { SeriesTable } from "./series-table.ts";

/** Gauges by attribute values; `updowncounter` where summing the series over agents gives a meaningful total. */
export class GaugeFamily implements MetricFamily {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: "gauge" | "updowncounter";
  readonly attributeKeys: readonly AttributeKey[];
  readonly bounds: readonly number[] = [];
  readonly #series: SeriesTable;
  readonly #values: number[] = [];

  constructor(options: FamilyOptions, kind: "gauge" | "updowncounter" = "gauge") {
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

  /** The overflow series holds what came last, so budget a gauge for all it can get. */
  set(attributes: readonly string[], value: number): void {
    const slot = this.#series.slotFor(attributes, () => {});
    this.#values[slot] = value;
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
}
