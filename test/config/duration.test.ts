import assert from "node:assert/strict";
import { test } from "node:test";
import { parseByteSize } from "../../src/config/byte-size.ts";
import { parseDurationMs } from "../../src/config/duration.ts";

test("parseDurationMs() reads each unit, and fractions", () => {
  assert.deepEqual(["250ms", "10s", "15m", "1.5h", "0s"].map(parseDurationMs), [250, 10_000, 900_000, 5_400_000, 0]);
});

test("parseDurationMs() refuses text without a unit, with a sign, or with anything around it", () => {
  for (const text of ["10", "", "s", "-1s", " 1s", "1s ", "1 s", "1S", "1d", ".5s", "1e3s"]) {
    assert.equal(parseDurationMs(text), undefined, JSON.stringify(text));
  }
});

test("parseByteSize() reads binary units only", () => {
  assert.deepEqual(["1B", "64KiB", "8MiB", "1GiB"].map(parseByteSize), [1, 65_536, 8_388_608, 1_073_741_824]);
  for (const text of ["8", "8MB", "8M", "1.5MiB", "-8MiB"]) assert.equal(parseByteSize(text), undefined, text);
});
