import assert from "node:assert/strict";
import { test } from "node:test";
import { matches, parseExposition } from "./exposition.ts";

test("parseExposition() reads names, escaped labels and every kind of value", () => {
  const text = [
    "# HELP a_total Help.",
    "# TYPE a_total counter",
    String.raw`a_total{x="q\"b\\n\nz,}= ",y=""} 104729`,
    "b 1.5e-9",
    'c_bucket{le="+Inf"} +Inf',
    "d NaN",
    "",
  ].join("\n");
  assert.deepEqual(parseExposition(text), [
    { name: "a_total", labels: { x: 'q"b\\n\nz,}= ', y: "" }, value: 104_729 },
    { name: "b", labels: {}, value: 1.5e-9 },
    { name: "c_bucket", labels: { le: "+Inf" }, value: Infinity },
    { name: "d", labels: {}, value: Number.NaN },
  ]);
});

for (const line of [
  'a{x="1} 2',
  'a{x="1"y="2"} 3',
  'a{x="\\q"} 1',
  'a{x="1",x="2"} 1',
  "a",
  "a 1 2 3",
  "1a 1",
  "a  1",
]) {
  test(`parseExposition() refuses ${line}`, () => {
    assert.throws(() => parseExposition(`${line}\n`), /Cannot read the exposition/);
  });
}

test("parseExposition() refuses a text that was cut short", () => {
  assert.throws(() => parseExposition("a 1\nb 23"), /its last line has no end/);
});

test("matches() asks about the labels it is given, exactly or by pattern", () => {
  const sample = { name: "a", labels: { x: "one", y: "two" }, value: 1 };
  assert.equal(matches(sample, "a", { x: "one", y: /^t/ }), true);
  assert.equal(matches(sample, "a", { x: "on" }), false);
  assert.equal(matches(sample, "a", { z: "" }), true);
  assert.equal(matches(sample, "b"), false);
});
