import assert from "node:assert/strict";
import { test } from "node:test";
import { WordTable } from "../../src/flows/word-table.ts";
import { randomFrom } from "./random.ts";

function keyed(table: WordTable, ...words: number[]): WordTable {
  table.key.set(words);
  return table;
}

test("WordTable.get() is -1 for what was never set", () => {
  assert.equal(keyed(new WordTable(2), 1, 2).get(), -1);
});

test("WordTable.set() replaces a value and keeps keys apart that differ in any one word", () => {
  const table = new WordTable(3);
  keyed(table, 1, 2, 3).set(10);
  keyed(table, 1, 2, 4).set(11);
  keyed(table, 0, 2, 3).set(12);
  keyed(table, 1, 2, 3).set(13);
  assert.equal(table.size, 3);
  assert.equal(keyed(table, 1, 2, 3).get(), 13);
  assert.equal(keyed(table, 1, 2, 4).get(), 11);
  assert.equal(keyed(table, 0, 2, 3).get(), 12);
});

test("WordTable keeps the largest words and values", () => {
  const table = new WordTable(1);
  keyed(table, 0xffffffff).set(2 ** 31 - 1);
  assert.equal(keyed(table, 0xffffffff).get(), 2 ** 31 - 1);
  assert.equal(keyed(table, 0).get(), -1);
});

test("WordTable.delete() returns the value once, and leaves the rest of its chain reachable", () => {
  const table = new WordTable(1, 8);
  for (let word = 0; word < 200; word++) keyed(table, word).set(word);
  for (let word = 0; word < 200; word += 2) assert.equal(keyed(table, word).delete(), word);
  for (let word = 0; word < 200; word += 2) assert.equal(keyed(table, word).delete(), -1);
  assert.equal(table.size, 100);
  for (let word = 1; word < 200; word += 2) assert.equal(keyed(table, word).get(), word);
});

test("WordTable.set() keeps the caller's key when the table grows", () => {
  const table = new WordTable(1, 8);
  for (let word = 0; word < 1000; word++) {
    keyed(table, word).set(word);
    assert.equal(table.key[0], word);
  }
});

test("WordTable.clear() forgets all", () => {
  const table = keyed(new WordTable(1), 7);
  table.set(1);
  table.clear();
  assert.equal(table.get(), -1);
  assert.equal(table.size, 0);
});

test("WordTable behaves as a Map does over 200 000 random operations", () => {
  const random = randomFrom(1);
  const table = new WordTable(2, 8);
  const map = new Map<string, number>();
  for (let step = 0; step < 200_000; step++) {
    const words = [random(500), random(3) * 0x40000000] as const;
    const key = words.join();
    keyed(table, ...words);
    const what = random(10);
    if (what < 5) {
      table.set(step);
      map.set(key, step);
    } else if (what < 8) {
      assert.equal(table.delete(), map.get(key) ?? -1);
      map.delete(key);
    } else {
      assert.equal(table.get(), map.get(key) ?? -1);
    }
    assert.equal(table.size, map.size);
  }
});
