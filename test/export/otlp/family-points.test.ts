import assert from "node:assert/strict";
import { test } from "node:test";
import { AggregationTemporality, type Histogram, type MetricData } from "@opentelemetry/sdk-metrics";
import { FamilyProducer } from "../../../src/export/otlp/family-producer.ts";
import type { MetricFamily } from "../../../src/metrics/family.ts";
import { ValueFamily } from "../../../src/metrics/value-family.ts";
import { HistogramFamily } from "../../metrics/histogram-family.ts";

const KEYS = [{ otlp: "weir.who", label: "who" }];
const OPTIONS = { description: "A test.", attributeKeys: KEYS, maxSeries: 100_000 };

class Clock {
  unixMs = 1_000_000;
  readonly now = () => this.unixMs;
}

function producerOf(
  families: readonly MetricFamily[],
  temporality: AggregationTemporality,
  clock: Clock,
): FamilyProducer {
  const source = { families, refresh() {} };
  return new FamilyProducer(source, { name: "weir", version: "1" }, () => temporality, clock.now);
}

/** Start, end and value of each point, by the value of its attribute. */
function pointsOf(metrics: readonly MetricData[]): Record<string, readonly [number, number, unknown]> {
  const points: Record<string, readonly [number, number, unknown]> = {};
  for (const metric of metrics) {
    for (const { attributes, startTime, endTime, value } of metric.dataPoints) {
      points[String(attributes["weir.who"])] = [startTime[0] * 1000, endTime[0] * 1000, value];
    }
  }
  return points;
}

async function take(
  producer: FamilyProducer,
  commit: boolean,
): Promise<Record<string, readonly [number, number, unknown]>> {
  const metrics: MetricData[] = [];
  for await (const page of producer.pages()) {
    metrics.push(...page.scopeMetrics.metrics);
    if (commit) page.commit();
  }
  return pointsOf(metrics);
}

test("FamilyProducer.pages() gives totals since the series began where cumulative", async () => {
  const clock = new Clock();
  const family = new ValueFamily("counter", { ...OPTIONS, name: "weir.test", unit: "", now: clock.now });
  const producer = producerOf([family], AggregationTemporality.CUMULATIVE, clock);
  family.add(["a"], 10);
  clock.unixMs = 1_010_000;
  assert.deepEqual(await take(producer, true), { a: [1_000_000, 1_010_000, 10] });
  clock.unixMs = 1_020_000;
  family.add(["a"], 5);
  assert.deepEqual(await take(producer, true), { a: [1_000_000, 1_020_000, 15] });
});

test("FamilyProducer.pages() gives differences to what was committed where delta, and leaves out what stands still", async () => {
  const clock = new Clock();
  const family = new ValueFamily("counter", { ...OPTIONS, name: "weir.test", unit: "", now: clock.now });
  const producer = producerOf([family], AggregationTemporality.DELTA, clock);
  family.add(["a"], 10);
  family.add(["still"], 1);
  clock.unixMs = 1_010_000;
  assert.deepEqual(await take(producer, true), { a: [1_000_000, 1_010_000, 10], still: [1_000_000, 1_010_000, 1] });
  family.add(["a"], 5);
  clock.unixMs = 1_020_000;
  // An export that fails is not committed: the next one covers its time and its amount.
  assert.deepEqual(await take(producer, false), { a: [1_010_000, 1_020_000, 5] });
  family.add(["a"], 2);
  clock.unixMs = 1_030_000;
  assert.deepEqual(await take(producer, true), { a: [1_010_000, 1_030_000, 7] });
  assert.deepEqual(await take(producer, true), {});
});

test("FamilyProducer.pages() begins a delta anew for a slot's next series", async () => {
  const clock = new Clock();
  const family = new ValueFamily("counter", { ...OPTIONS, name: "weir.test", unit: "", now: clock.now });
  const producer = producerOf([family], AggregationTemporality.DELTA, clock);
  family.add(["old"], 100);
  await take(producer, true);
  family.remove(["old"]);
  clock.unixMs = 1_010_000;
  family.add(["new"], 101);
  clock.unixMs = 1_020_000;
  assert.deepEqual(await take(producer, true), { new: [1_010_000, 1_020_000, 101] });
});

test("FamilyProducer.pages() gives histograms' counts, sums and buckets as differences too", async () => {
  const clock = new Clock();
  const family = new HistogramFamily({ ...OPTIONS, name: "weir.test", unit: "s", now: clock.now }, [1, 2]);
  const producer = producerOf([family], AggregationTemporality.DELTA, clock);
  for (const seconds of [0.5, 1.5, 3]) family.record(["a"], seconds);
  assert.deepEqual((await take(producer, true))["a"]?.[2], {
    count: 3,
    sum: 5,
    buckets: { boundaries: [1, 2], counts: [1, 1, 1] },
  } satisfies Histogram);
  family.record(["a"], 1.75);
  assert.deepEqual((await take(producer, true))["a"]?.[2], {
    count: 1,
    sum: 1.75,
    buckets: { boundaries: [1, 2], counts: [0, 1, 0] },
  } satisfies Histogram);
});

test("FamilyProducer.pages() holds at most 5000 points and 512 KiB a page, each series once", async () => {
  const clock = new Clock();
  const small = new ValueFamily("counter", { ...OPTIONS, name: "weir.small", unit: "", now: clock.now });
  for (let i = 0; i < 12_007; i++) small.add([`small-${i}`], i);
  const large = new ValueFamily("counter", { ...OPTIONS, name: "weir.large", unit: "", now: clock.now });
  for (let i = 0; i < 101; i++) large.add([`large-${i}-${"x".repeat(100_000)}`], i);
  const producer = producerOf([small, large], AggregationTemporality.CUMULATIVE, clock);
  const seen = new Set<unknown>();
  for await (const page of producer.pages()) {
    assert.ok(page.points <= 5000);
    let length = 0;
    for (const metric of page.scopeMetrics.metrics) {
      for (const { attributes } of metric.dataPoints) {
        seen.add(attributes["weir.who"]);
        length += String(attributes["weir.who"]).length;
      }
    }
    assert.ok(length <= 512 * 1024);
  }
  assert.equal(seen.size, 12_007 + 101);
});
