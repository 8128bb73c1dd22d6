import assert from "node:assert/strict";
import { test } from "node:test";
import { TextWriter } from "../../../src/export/prometheus/text-writer.ts";

function lineOf(value: number): string {
  const writer = new TextWriter(64);
  writer.numberLine(value);
  return writer.bytes.toString("latin1", 0, writer.length);
}

test("TextWriter.numberLine() writes numbers as Prometheus reads them", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0"],
    [9, "9"],
    [10, "10"],
    [999_999_999, "999999999"],
    [1_000_000_000, "1000000000"],
    [1_000_000_001, "1000000001"],
    [104_729, "104729"],
    [Number.MAX_SAFE_INTEGER, "9007199254740991"],
    [2 ** 53, "9007199254740992"],
    [1e21, "1e+21"],
    [-23, "-23"],
    [0.1, "0.1"],
    [1.5e-7, "1.5e-7"],
    [1 / 3, "0.3333333333333333"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
  ];
  for (const [value, expected] of cases) assert.equal(lineOf(value), `${expected}\n`);
});

test("TextWriter.numberLine() writes whole numbers as JavaScript does", () => {
  for (let exponent = 0; exponent < 53; exponent++) {
    for (const value of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1])
      assert.equal(lineOf(value), `${value}\n`);
  }
});
