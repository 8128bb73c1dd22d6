import assert from "node:assert/strict";
import { test } from "node:test";
import { HistogramFamily } from "./histogram-family.ts";

const OPTIONS = { name: "weir.test", description: "A test.", unit: "s", attributeKeys: [] };

test("HistogramFamily.record() puts an observation into the bucket whose inclusive upper bound it does not exceed", () => {
  const histogram = new HistogramFamily(OPTIONS, [0.1, 1, 10]);
  for (const observation of [0.05, 0.1, 0.100001, 1, 9, 10, 10.5, 1e9]) histogram.record([], observation);
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => histogram.bucket(0, index)),
    [2, 2, 2, 2],
  );
  assert.equal(histogram.value(0), 8);
  assert.equal(histogram.sum(0), 0.05 + 0.1 + 0.100001 + 1 + 9 + 10 + 10.5 + 1e9);
});

test("HistogramFamily.record() begins a reused slot from zero", () => {
  const histogram = new HistogramFamily({ ...OPTIONS, attributeKeys: [{ otlp: "a", label: "a" }] }, [1]);
  histogram.record(["old"], 0.5);
  histogram.remove(["old"]);
  histogram.record(["new"], 2);
  assert.deepEqual(
    [histogram.bucket(0, 0), histogram.bucket(0, 1), histogram.value(0), histogram.sum(0)],
    [0, 1, 1, 2],
  );
});

test("HistogramFamily refuses bounds that do not ascend, and NaN, naming them", () => {
  assert.throws(() => new HistogramFamily(OPTIONS, [1, 1]), /current value at 1 is 1/);
  assert.throws(() => new HistogramFamily(OPTIONS, [1, Number.POSITIVE_INFINITY]), /current value at 1 is Infinity/);
  assert.throws(() => new HistogramFamily(OPTIONS, [1]).record([], Number.NaN), /weir\.test.*NaN/);
});
