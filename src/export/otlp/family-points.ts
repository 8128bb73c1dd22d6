import { type Attributes, type HrTime, ValueType } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
} from "@opentelemetry/sdk-metrics";
import { cleanText } from "../../metrics/clean-text.ts";
import type { MetricFamily } from "../../metrics/family.ts";
import { hrTimeOf } from "./hr-time.ts";
import { SeriesHistory } from "./series-history.ts";

/** Attribute names and types that are not text. */
const NUMERIC_ATTRIBUTES: ReadonlySet<string> = new Set(["server.port"]);

/** The totals behind one point, kept until it is known whether the Collector took it. */
interface Totals {
  readonly slot: number;
  readonly generation: number;
  readonly value: number;
  readonly sum: number;
  readonly buckets: readonly number[];
}

/** Some points of one family, ready for export. */
export interface FamilyPage {
  readonly metric: MetricData;
  /** Notes that the points were exported: the next deltas begin after them. */
  commit(): void;
}

/** Turns the series of one family into OTLP points, cumulative or delta. */
export class FamilyPoints {
  readonly family: MetricFamily;
  readonly #temporality: AggregationTemporality;
  readonly #history: SeriesHistory | undefined;
  readonly #attributes: Attributes[] = [];
  readonly #attributeSizes: number[] = [];
  readonly #generations: number[] = [];
  readonly #bounds: number[];

  /** `temporality` is that of counters and histograms; gauges have none and up-down counters are always cumulative. */
  constructor(family: MetricFamily, temporality: AggregationTemporality) {
    this.family = family;
    const isDelta =
      temporality === AggregationTemporality.DELTA && (family.kind === "counter" || family.kind === "histogram");
    this.#temporality = isDelta ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
    this.#bounds = [...family.bounds];
    this.#history = isDelta ? new SeriesHistory(family.kind === "histogram" ? this.#bounds.length + 1 : 0) : undefined;
  }

  /** About how many bytes a slot's point takes in a request; 0 where there is none. */
  bytesOf(slot: number): number {
    if (!this.#refresh(slot)) return 0;
    return (
      40 + (this.#attributeSizes[slot] ?? 0) + (this.family.kind === "histogram" ? 16 * this.#bounds.length + 32 : 0)
    );
  }

  /** The points of the given slots, as of `nowUnixMs`. A delta without change is left out. */
  page(slots: readonly number[], nowUnixMs: number): FamilyPage | undefined {
    const totals: Totals[] = [];
    const points: DataPoint<number | Histogram>[] = [];
    const endTime = hrTimeOf(nowUnixMs);
    for (const slot of slots) {
      if (!this.#refresh(slot)) continue;
      const now = this.#totals(slot);
      const point = this.#point(now, endTime);
      if (point === undefined) continue;
      points.push(point);
      if (this.#history !== undefined) totals.push(now);
    }
    if (points.length === 0) return undefined;
    return {
      metric: this.#metric(points),
      commit: () => {
        for (const { slot, generation, value, sum, buckets } of totals) {
          this.#history?.record(slot, generation, nowUnixMs, value, sum, buckets);
        }
      },
    };
  }

  /** Brings the cached attributes of a slot up to date; false where the slot is free. */
  #refresh(slot: number): boolean {
    const generation = this.family.generation(slot);
    if (generation === 0) {
      delete this.#attributes[slot];
      this.#generations[slot] = 0;
      return false;
    }
    if (this.#generations[slot] === generation) return true;
    const values = this.family.attributes(slot);
    const attributes: Attributes = {};
    let size = 0;
    for (let i = 0; i < this.family.attributeKeys.length; i++) {
      const key = this.family.attributeKeys[i]?.otlp ?? "";
      const text = cleanText(values[i] ?? "");
      // Prometheus takes an empty label for an absent one; here, what an endpoint does not have is left out.
      if (text === "") continue;
      attributes[key] = NUMERIC_ATTRIBUTES.has(key) && /^\d+$/.test(text) ? Number(text) : text;
      size += key.length + text.length + 8;
    }
    this.#attributes[slot] = attributes;
    this.#attributeSizes[slot] = size;
    this.#generations[slot] = generation;
    return true;
  }

  #totals(slot: number): Totals {
    const { family } = this;
    const generation = family.generation(slot);
    if (family.kind !== "histogram") return { slot, generation, value: family.value(slot), sum: 0, buckets: [] };
    const buckets: number[] = [];
    let count = 0;
    for (let i = 0; i <= this.#bounds.length; i++) {
      const bucket = family.bucket(slot, i);
      buckets.push(bucket);
      count += bucket;
    }
    return { slot, generation, value: count, sum: family.sum(slot), buckets };
  }

  #point(now: Totals, endTime: HrTime): DataPoint<number | Histogram> | undefined {
    const { slot, generation } = now;
    const history = this.#history;
    const attributes = this.#attributes[slot] ?? {};
    const isContinued = history?.has(slot, generation) === true && now.value >= history.value(slot);
    if (history === undefined || !isContinued) {
      if (history !== undefined && now.value === 0) return undefined;
      const startTime = hrTimeOf(this.family.startUnixMs(slot));
      return { startTime, endTime, attributes, value: this.#valueOf(now.value, now.sum, now.buckets) };
    }
    const difference = now.value - history.value(slot);
    if (difference === 0) return undefined;
    const startTime = hrTimeOf(history.untilUnixMs(slot));
    const buckets = now.buckets.map((count, i) => count - history.bucket(slot, i));
    return { startTime, endTime, attributes, value: this.#valueOf(difference, now.sum - history.sum(slot), buckets) };
  }

  #valueOf(value: number, sum: number, counts: readonly number[]): number | Histogram {
    if (this.family.kind !== "histogram") return value;
    return { count: value, sum, buckets: { boundaries: this.#bounds, counts: [...counts] } };
  }

  #metric(points: DataPoint<number | Histogram>[]): MetricData {
    const { name, description, unit, kind } = this.family;
    // Times are fractions of seconds and gauges may be anything; all else counts whole things.
    const valueType = unit === "s" || kind === "gauge" || kind === "histogram" ? ValueType.DOUBLE : ValueType.INT;
    const descriptor = { name, description, unit, valueType };
    const aggregationTemporality = this.#temporality;
    if (kind === "histogram") {
      const dataPoints = points as DataPoint<Histogram>[];
      return { descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    const dataPoints = points as DataPoint<number>[];
    if (kind === "gauge") return { descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints };
    const isMonotonic = kind === "counter";
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.SUM, dataPoints, isMonotonic };
  }
}
