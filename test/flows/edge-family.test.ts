import assert from "node:assert/strict";
import { test } from "node:test";
import { EdgeFamily, type EdgeSlots } from "../../src/flows/edge-family.ts";

const edges: EdgeSlots = {
  used: 3,
  generation: (edge) => [0, 7, 8][edge] ?? 0,
  hasTraffic: () => true,
  attributes: (edge) => [`edge ${edge}`],
  startUnixMs: (edge) => edge * 1000,
};
const direction = { key: { otlp: "direction", label: "direction" }, values: ["request", "response"] };
const plain = { name: "weir.x", description: "", unit: "By", kind: "counter" } as const;

test("EdgeFamily.add() counts each variant in a slot of its own", () => {
  const family = new EdgeFamily({ ...plain, variants: direction }, edges);
  family.reserve(3);
  family.add(1, 5, 0);
  family.add(1, 7, 1);
  family.add(2, 9, 1);
  family.add(2, -2, 1);
  assert.equal(family.slots, 6);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((slot) => family.value(slot)),
    [0, 0, 5, 7, 0, 7],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((slot) => family.generation(slot)),
    [0, 0, 7, 7, 8, 8],
  );
  assert.deepEqual(family.attributes(3), ["edge 1", "response"]);
  assert.equal(family.startUnixMs(5), 2000);
  assert.equal(family.attributeKeys.at(-1)?.label, "direction");
});

test("EdgeFamily shows a sparse series once it counted something", () => {
  const family = new EdgeFamily({ ...plain, sparse: true }, edges);
  family.reserve(3);
  assert.equal(family.generation(1), 0);
  family.add(1, 1);
  assert.equal(family.generation(1), 7);
  family.clear(1);
  assert.equal(family.generation(1), 0);
});

test("EdgeFamily.observe() puts a bound into its own bucket, and what is beyond all into the last", () => {
  const family = new EdgeFamily({ ...plain, kind: "histogram", bounds: [1, 2] }, edges);
  family.reserve(3);
  for (const seconds of [0, 1, 1.5, 2, 2.5, 100]) family.observe(2, seconds);
  assert.deepEqual(
    [0, 1, 2].map((bucket) => family.bucket(2, bucket)),
    [2, 2, 2],
  );
  assert.equal(family.value(2), 6);
  assert.equal(family.sum(2), 107);
  assert.deepEqual(
    [0, 1, 2].map((bucket) => family.bucket(1, bucket)),
    [0, 0, 0],
  );
});

test("EdgeFamily.reserve() and clear() leave other edges as they are", () => {
  const family = new EdgeFamily({ ...plain, kind: "histogram", bounds: [1], variants: direction }, edges);
  family.reserve(2);
  family.observe(1, 3, 1);
  family.reserve(3);
  family.observe(2, 4, 0);
  family.clear(2);
  assert.deepEqual(
    [2, 3, 4].map((slot) => family.sum(slot)),
    [0, 3, 0],
  );
  assert.equal(family.bucket(3, 1), 1);
  assert.equal(family.bucket(4, 1), 0);
});
