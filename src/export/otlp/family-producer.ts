import { setImmediate as nextTurn } from "node:timers/promises";
import type { InstrumentationScope } from "@opentelemetry/core";
import { emptyResource } from "@opentelemetry/resources";
import {
  type AggregationTemporality,
  type CollectionResult,
  InstrumentType,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from "@opentelemetry/sdk-metrics";
import type { MetricFamily, MetricKind } from "../../metrics/family.ts";
import type { MetricSource } from "../../metrics/metric-source.ts";
import { type FamilyPage, FamilyPoints } from "./family-points.ts";

/** Most points of a page. */
const PAGE_POINTS = 5000;
/**
 * About the most bytes of a page. A Collector takes 4 MiB in one gRPC message, but a request is encoded in one turn of
 * the event loop, at some 25 ns a byte: this keeps the turn below 20 ms.
 */
const PAGE_BYTES = 512 * 1024;
/** Slots between two looks at the clock. */
const SLICE_SLOTS = 128;
/** Longest time on the event loop at a stretch. */
const TURN_MS = 4;

const INSTRUMENTS: Readonly<Record<MetricKind, InstrumentType>> = {
  counter: InstrumentType.COUNTER,
  updowncounter: InstrumentType.UP_DOWN_COUNTER,
  gauge: InstrumentType.GAUGE,
  histogram: InstrumentType.HISTOGRAM,
};

/** As many points as fit one request. */
export interface MetricPage {
  readonly scopeMetrics: ScopeMetrics;
  readonly points: number;
  /** To be called once the Collector has the points. */
  commit(): void;
}

/** Reads families for OpenTelemetry's SDK, page by page, so that never all points exist at once. */
export class FamilyProducer implements MetricProducer {
  readonly #source: MetricSource;
  readonly #scope: InstrumentationScope;
  readonly #selectTemporality: (instrument: InstrumentType) => AggregationTemporality;
  readonly #now: () => number;
  readonly #pointsOf = new Map<MetricFamily, FamilyPoints>();

  constructor(
    source: MetricSource,
    scope: InstrumentationScope,
    selectTemporality: (instrument: InstrumentType) => AggregationTemporality,
    now: () => number = Date.now,
  ) {
    this.#source = source;
    this.#scope = scope;
    this.#selectTemporality = selectTemporality;
    this.#now = now;
  }

  /** All points at once. They count as exported. */
  async collect(): Promise<CollectionResult> {
    const scopeMetrics: ScopeMetrics[] = [];
    for await (const page of this.pages()) {
      scopeMetrics.push(page.scopeMetrics);
      page.commit();
    }
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }

  /** All points, in pages. Values are those of the moment when a page is made. */
  async *pages(): AsyncGenerator<MetricPage> {
    this.#source.refresh();
    let parts: FamilyPage[] = [];
    let pointCount = 0;
    let byteCount = 0;
    let turnBeganMs = performance.now();
    for (const family of this.#source.families) {
      const points = this.#points(family);
      let slots: number[] = [];
      const flush = () => {
        const part = points.page(slots, this.#now());
        if (part !== undefined) parts.push(part);
        slots = [];
      };
      for (let slot = 0; slot < family.slots; slot++) {
        const bytes = points.bytesOf(slot);
        if (bytes > 0) {
          if (pointCount > 0 && (pointCount >= PAGE_POINTS || byteCount + bytes > PAGE_BYTES)) {
            flush();
            if (parts.length > 0) yield this.#page(parts);
            turnBeganMs = performance.now();
            parts = [];
            pointCount = 0;
            byteCount = 0;
          }
          slots.push(slot);
          pointCount++;
          byteCount += bytes;
        }
        if (slot % SLICE_SLOTS === SLICE_SLOTS - 1) {
          // Made slice by slice, so that the work is spread over turns too.
          flush();
          if (performance.now() - turnBeganMs > TURN_MS) {
            await nextTurn();
            turnBeganMs = performance.now();
          }
        }
      }
      flush();
    }
    if (parts.length > 0) yield this.#page(parts);
  }

  #points(family: MetricFamily): FamilyPoints {
    let points = this.#pointsOf.get(family);
    if (points === undefined) {
      points = new FamilyPoints(family, this.#selectTemporality(INSTRUMENTS[family.kind]));
      this.#pointsOf.set(family, points);
    }
    return points;
  }

  #page(parts: readonly FamilyPage[]): MetricPage {
    const metrics = mergeParts(parts.map((part) => part.metric));
    return {
      scopeMetrics: { scope: this.#scope, metrics },
      points: metrics.reduce((sum, metric) => sum + metric.dataPoints.length, 0),
      commit: () => {
        for (const part of parts) part.commit();
      },
    };
  }
}

/** Slices of one family that follow each other become one metric. */
function mergeParts(parts: readonly MetricData[]): MetricData[] {
  const merged: MetricData[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (last?.descriptor.name === part.descriptor.name) (last.dataPoints as unknown[]).push(...part.dataPoints);
    else merged.push(part);
  }
  return merged;
}
