import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveConnections } from "../../src/flows/live-connections.ts";

const idOf = (number: number) => Uint32Array.of(number, Math.floor(number / 2 ** 32));

test("LiveConnections.find() tells ids apart that differ only above 32 bits", () => {
  const live = new LiveConnections();
  const slot = live.add(idOf(5));
  const far = live.add(idOf(5 + 2 ** 40));
  assert.notEqual(slot, far);
  assert.equal(live.find(idOf(5)), slot);
  assert.equal(live.find(idOf(5 + 2 ** 40)), far);
  assert.equal(live.find(idOf(6)), -1);
});

test("LiveConnections.advance() returns what a total grew by, and nothing for an older reading", () => {
  const live = new LiveConnections();
  const slot = live.add(idOf(1));
  assert.equal(live.advance(slot, 0, 2 ** 40), 2 ** 40);
  assert.equal(live.advance(slot, 0, 2 ** 40 + 3), 3);
  assert.equal(live.advance(slot, 0, 9), 0);
  assert.equal(live.advance(slot, 0, 2 ** 40 + 3), 0);
  assert.equal(live.advance(slot, 1, 4), 4, "totals are apart");
});

test("LiveConnections.advanceWord() goes on after a 32-bit counter began again at 0", () => {
  const live = new LiveConnections();
  const slot = live.add(idOf(1));
  live.setWord(slot, 2, 0xfffffff0);
  assert.equal(live.advanceWord(slot, 2, 0xfffffff5), 5);
  assert.equal(live.advanceWord(slot, 2, 10), 21);
  assert.equal(live.advanceWord(slot, 2, 0xffffffff), 0, "an older reading");
  assert.equal(live.advanceWord(slot, 2, 11), 1);
});

test("LiveConnections.add() begins a used slot anew", () => {
  const live = new LiveConnections();
  const slot = live.add(idOf(1));
  live.advance(slot, 0, 100);
  live.mark(slot, 2);
  live.setEdge(slot, 9);
  live.remove(slot);
  assert.equal(live.size, 0);
  assert.equal(live.add(idOf(2)), slot);
  assert.equal(live.find(idOf(1)), -1);
  assert.equal(live.edge(slot), -1);
  assert.equal(live.marks(slot), 0);
  assert.equal(live.advance(slot, 0, 1), 1);
});

test("LiveConnections.forEachUnseen() visits those that no full sweep has shown, and bears their removal", () => {
  const live = new LiveConnections();
  for (let id = 0; id < 100; id++) live.seen(live.add(idOf(id)), id % 10 === 0 ? 1 : 3);
  live.remove(live.find(idOf(20)));
  const visited: number[] = [];
  live.forEachUnseen(3, (slot) => {
    visited.push(slot);
    live.remove(slot);
  });
  assert.equal(visited.length, 9);
  assert.equal(live.size, 90);
  assert.equal(live.find(idOf(30)), -1);
  assert.ok(live.find(idOf(31)) >= 0);
});

test("LiveConnections keeps everything while it grows", () => {
  const live = new LiveConnections();
  for (let id = 0; id < 10_000; id++) {
    const slot = live.add(idOf(id * 4096));
    live.setEdge(slot, id);
    live.mark(slot, id % 8);
    live.advance(slot, 4, id);
  }
  assert.equal(live.size, 10_000);
  for (let id = 0; id < 10_000; id++) {
    const slot = live.find(idOf(id * 4096));
    assert.equal(live.edge(slot), id);
    assert.equal(live.marks(slot), id % 8);
    assert.equal(live.advance(slot, 4, id + 1), 1);
  }
});
