import assert from "node:assert/strict";
import { test } from "node:test";
import { WordTable } from "../../src/flows/word-table.ts";
import { randomFrom } from "./random.ts";

const key = (...words: number[]) => Uint32Array.from(words);

test("WordTable.get() is -1 for what was never set", () => {
  assert.equal(new WordTable(2).get(key(1, 2)), -1);
});

test("WordTable.set() replaces a value and keeps keys apart that differ in any one word", () => {
  const table = new WordTable(3);
  table.set(key(1, 2, 3), 10);
  table.set(key(1, 2, 4), 11);
  table.set(key(0, 2, 3), 12);
  table.set(key(1, 2, 3), 13);
  assert.equal(table.size, 3);
  assert.equal(table.get(key(1, 2, 3)), 13);
  assert.equal(table.get(key(1, 2, 4)), 11);
  assert.equal(table.get(key(0, 2, 3)), 12);
});

test("WordTable keeps the largest words and values", () => {
  const table = new WordTable(1);
  table.set(key(0xffffffff), 2 ** 31 - 1);
  assert.equal(table.get(key(0xffffffff)), 2 ** 31 - 1);
  assert.equal(table.get(key(0)), -1);
});

test("WordTable.delete() returns the value once, and leaves the rest of its chain reachable", () => {
  const table = new WordTable(1, 8);
  for (let word = 0; word < 200; word++) table.set(key(word), word);
  for (let word = 0; word < 200; word += 2) assert.equal(table.delete(key(word)), word);
  for (let word = 0; word < 200; word += 2) assert.equal(table.delete(key(word)), -1);
  assert.equal(table.size, 100);
  for (let word = 1; word < 200; word += 2) assert.equal(table.get(key(word)), word);
});

test("WordTable.set() keeps everything when the table grows", () => {
  const table = new WordTable(1, 8);
  for (let word = 0; word < 1000; word++) table.set(key(word), word);
  assert.equal(table.size, 1000);
  for (let word = 0; word < 1000; word++) assert.equal(table.get(key(word)), word);
});

test("WordTable.clear() forgets all", () => {
  const table = new WordTable(1);
  table.set(key(7), 1);
  table.clear();
  assert.equal(table.get(key(7)), -1);
  assert.equal(table.size, 0);
});

test("WordTable behaves as a Map does over 200 000 random operations", () => {
  const random = randomFrom(1);
  const table = new WordTable(2, 8);
  const map = new Map<string, number>();
  for (let step = 0; step < 200_000; step++) {
    const words = key(random(500), random(3) * 0x40000000);
    const name = words.join();
    const what = random(10);
    if (what < 4) {
      table.set(words, step);
      map.set(name, step);
    } else if (what < 5) {
      assert.equal(table.add(words, step), !map.has(name));
      if (!map.has(name)) map.set(name, step);
    } else if (what < 8) {
      assert.equal(table.delete(words), map.get(name) ?? -1);
      map.delete(name);
    } else {
      assert.equal(table.get(words), map.get(name) ?? -1);
      assert.equal(table.get(words), map.get(name) ?? -1, "asked twice in a row");
    }
    assert.equal(table.size, map.size);
  }
  for (const [name, value] of map) assert.equal(table.get(key(...name.split(",").map(Number))), value);
});
