import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatCount, formatSeconds } from "../../src/cli/quantity.ts";
import { columnsOf, cut, showable } from "../../src/cli/terminal-text.ts";

test("formatBytes() keeps three digits and rounds up into the next unit", () => {
  assert.deepEqual([0, 999, 999.6, 1_000, 104_729, 999_499, 999_500, 9_995_000, 1.5e9].map(formatBytes), [
    "0 B",
    "999 B",
    "1.00 kB",
    "1.00 kB",
    "105 kB",
    "999 kB",
    "1.00 MB",
    "10.0 MB",
    "1.50 GB",
  ]);
});

test("formatCount() shows small whole numbers as they are", () => {
  assert.deepEqual([0, 23, 0.25, 7.5, 99.96, 9_999, 10_007, 1_299_709].map(formatCount), [
    "0",
    "23",
    "0.25",
    "7.50",
    "100",
    "9999",
    "10.0k",
    "1.3M",
  ]);
});

test("formatSeconds() picks the unit that leaves digits", () => {
  assert.deepEqual([0, 0.000087, 0.00123, 0.0456, 0.9996, 3.4, 120].map(formatSeconds), [
    "0 us",
    "87 us",
    "1.23 ms",
    "45.6 ms",
    "1.0 s",
    "3.4 s",
    "120 s",
  ]);
});

test("cut() counts wide characters as two columns and never splits one", () => {
  assert.equal(columnsOf("日本a"), 5);
  assert.equal(cut("日本a", 5), "日本a");
  assert.equal(cut("日本ab", 5), "日本…");
  assert.equal(cut("日本ab", 4), "日…");
  assert.equal(cut("abc", 0), "");
});

test("showable() leaves letters of every script alone", () => {
  for (const text of ["web-1", "größe", "Zażółć", "日本語", "नमस्ते", "a\u0301"]) assert.equal(showable(text), text);
});

test("showable() replaces lone surrogates and what Unicode has not assigned", () => {
  assert.equal(showable("a\ud800b\u{e0000}c\u0378d"), "a\ufffdb\ufffdc\ufffdd");
});
