import assert from "node:assert/strict";
import { test } from "node:test";
import { TextStore } from "../../../src/export/prometheus/text-store.ts";

function textOf(store: TextStore, slot: number): string | undefined {
  const offset = store.offset(slot);
  return store.page(slot)?.toString("utf8", offset, offset + store.length(slot));
}

test("TextStore keeps each slot's text through changes, growth and texts of any size", () => {
  const store = new TextStore();
  const expected = new Map<number, string>();
  // 104 729 steps that jump about the slots; every third deletes.
  for (let step = 0; step < 104_729; step++) {
    const slot = (step * 7919) % 997;
    if (step % 3 === 2) {
      store.delete(slot);
      expected.delete(slot);
    } else {
      const text = `${"ä".repeat(step % 50)}:${step}${step % 9973 === 0 ? "x".repeat(200_000) : ""}`;
      store.set(slot, text);
      expected.set(slot, text);
    }
  }
  for (let slot = 0; slot < 997; slot++) assert.equal(textOf(store, slot), expected.get(slot));
});

test("TextStore gives pages back that nothing uses any more", () => {
  const store = new TextStore();
  for (let round = 0; round < 100; round++) {
    for (let slot = 0; slot < 1000; slot++) store.set(slot, `round ${round} slot ${slot} ${"x".repeat(200)}`);
  }
  // 1000 texts of 220 bytes take two pages; one more may be half used.
  assert.ok(store.bytes <= 5 * 128 * 1024, `${store.bytes} bytes are kept`);
  for (let slot = 0; slot < 1000; slot++) store.delete(slot);
  assert.ok(store.bytes <= 128 * 1024, `${store.bytes} bytes are kept`);
});
