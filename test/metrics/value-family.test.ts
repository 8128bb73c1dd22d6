import assert from "node:assert/strict";
import { test } from "node:test";
import { OVERFLOW } from "../../src/metrics/series-table.ts";
import { ValueFamily } from "../../src/metrics/value-family.ts";

const KEYS = [
  { otlp: "weir.stage", label: "stage" },
  { otlp: "weir.reason", label: "reason" },
];

function family(maxSeries = 10): ValueFamily {
  return new ValueFamily("counter", {
    name: "weir.test",
    description: "A test.",
    unit: "{record}",
    attributeKeys: KEYS,
    maxSeries,
    now: () => 1234,
  });
}

function seriesOf(counter: ValueFamily): Map<string, number> {
  const series = new Map<string, number>();
  for (let slot = 0; slot < counter.slots; slot++) {
    if (counter.generation(slot) !== 0) series.set(JSON.stringify(counter.attributes(slot)), counter.value(slot));
  }
  return series;
}

test("ValueFamily.add() keeps tuples apart whose joined values are alike", () => {
  const counter = family();
  counter.add(["a,b", "c"], 1);
  counter.add(["a", "b,c"], 2);
  counter.add(["1:a", ""], 3);
  counter.add(["", "1:a"], 4);
  counter.add(["a,b", "c"], 10);
  assert.deepEqual(
    seriesOf(counter),
    new Map([
      ['["a,b","c"]', 11],
      ['["a","b,c"]', 2],
      ['["1:a",""]', 3],
      ['["","1:a"]', 4],
    ]),
  );
  assert.equal(counter.startUnixMs(0), 1234);
});

test("ValueFamily.add() folds what is beyond the budget into one counted series, and loses nothing", () => {
  const counter = family(2);
  for (let i = 0; i < 7; i++) counter.add(["stage", `${i}`], 100);
  counter.add(["stage", "0"], 1);
  assert.deepEqual(
    seriesOf(counter),
    new Map([
      ['["stage","0"]', 101],
      ['["stage","1"]', 100],
      [JSON.stringify([OVERFLOW, OVERFLOW]), 500],
    ]),
  );
  assert.equal(counter.overflowed, 5);
  assert.equal(counter.live, 3);
});

test("ValueFamily.remove() frees the slot for another series of another generation", () => {
  const counter = family();
  counter.add(["a", "b"], 5);
  const generation = counter.generation(0);
  counter.remove(["a", "b"]);
  assert.equal(counter.generation(0), 0);
  counter.add(["c", "d"], 7);
  assert.equal(counter.slots, 1);
  assert.notEqual(counter.generation(0), generation);
  assert.deepEqual(counter.attributes(0), ["c", "d"]);
  assert.equal(counter.value(0), 7);
});

test("ValueFamily.set() takes totals over and never falls", () => {
  const counter = family();
  counter.set(["a", "b"], 23);
  counter.set(["a", "b"], 20);
  assert.equal(counter.value(0), 23);
});

test("ValueFamily.add() refuses amounts that no counter can take, naming them", () => {
  for (const amount of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => family().add(["a", "b"], amount), new RegExp(`weir\\.test.*current value is ${amount}`));
  }
  assert.throws(() => family().add(["a"], 1), /2 attribute values are needed, current value is 1/);
});
