import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanText } from "../../src/metrics/clean-text.ts";

test("cleanText() leaves valid text as it is, surrogate pairs included", () => {
  const text = 'pod "ä" \\ 🐟\n\t';
  assert.equal(cleanText(text), text);
});

test("cleanText() replaces half pairs and NUL, and keeps different texts different", () => {
  const texts = ["\ud800", "\ud801", "\udc00", "\0", "a\ud800b", "\udc00\ud800"];
  const cleaned = texts.map(cleanText);
  assert.deepEqual(cleaned, ["�d800", "�d801", "�dc00", "�0000", "a�d800b", "�dc00�d800"]);
  for (const text of cleaned) assert.ok(text.isWellFormed());
});
