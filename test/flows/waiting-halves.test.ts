import assert from "node:assert/strict";
import { test } from "node:test";
import { WaitingHalves } from "../../src/flows/waiting-halves.ts";
import { batchOf, LAYOUT } from "./tcp-record.ts";

const isns = (client: number, server: number) => Uint32Array.of(client, server);
const record = batchOf({ kind: "closed", id: 1, sentBytes: 100 }, { kind: "closed", id: 1, sentBytes: 300 });

function addClient(waiting: WaitingHalves, clientIsn = 11): number {
  return waiting.add(isns(clientIsn, 22), record, 0, false, -1);
}

/** The halves whose wait the end of a sweep ended. */
function settled(waiting: WaitingHalves): number[] {
  const places: number[] = [];
  waiting.endSweep((place) => {
    places.push(place);
    waiting.remove(place);
  });
  return places;
}

test("WaitingHalves.find() matches a half with the other side's only", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  const place = addClient(waiting);
  assert.equal(waiting.find(isns(11, 22), true), place);
  assert.equal(waiting.find(isns(11, 22), false), -1);
  assert.equal(waiting.find(isns(22, 11), true), -1);
  assert.equal(waiting.isServer(place), false);
  assert.equal(waiting.slot(place), -1);
});

test("WaitingHalves.add() copies the record, and update() a newer one over it", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  const place = addClient(waiting);
  assert.equal(waiting.records.sentBytes(place), 100);
  waiting.update(place, record, 1);
  assert.equal(waiting.records.sentBytes(place), 300);
});

test("WaitingHalves.add() refuses the same half twice, and more than there is room for", () => {
  const waiting = new WaitingHalves(LAYOUT, 2);
  assert.ok(addClient(waiting) >= 0);
  assert.equal(addClient(waiting), -1);
  assert.ok(addClient(waiting, 12) >= 0);
  assert.equal(addClient(waiting, 13), -1);
  assert.equal(waiting.size, 2);
});

test("WaitingHalves.isAnyOlder() tells of those that still wait from batches before", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  const first = addClient(waiting);
  assert.equal(waiting.isAnyOlder(), false);
  waiting.beginBatch();
  addClient(waiting, 12);
  assert.equal(waiting.isAnyOlder(), true);
  waiting.remove(first);
  assert.equal(waiting.isAnyOlder(), false);
  waiting.beginBatch();
  assert.equal(waiting.isAnyOlder(), true);
});

test("WaitingHalves.endSweep() settles those that the second sweep finds waiting, each once, and keeps the others", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  const first = addClient(waiting);
  assert.deepEqual(settled(waiting), []);
  const second = addClient(waiting, 12);
  assert.deepEqual(settled(waiting), [first]);
  assert.deepEqual(settled(waiting), [second]);
  assert.equal(waiting.size, 0);
});

test("WaitingHalves.endSweep() bears a place that was left and taken again meanwhile", () => {
  const waiting = new WaitingHalves(LAYOUT, 1);
  for (let turn = 0; turn < 10; turn++) {
    assert.equal(addClient(waiting, turn), 0);
    if (turn < 9) waiting.remove(0);
  }
  assert.deepEqual(settled(waiting), []);
  assert.deepEqual(settled(waiting), [0]);
  assert.deepEqual(settled(waiting), []);
  assert.ok(addClient(waiting) >= 0, "there is room again");
  assert.deepEqual(settled(waiting), []);
  assert.deepEqual(settled(waiting), [0]);
});

test("WaitingHalves.settleAll() ends every wait", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  addClient(waiting);
  addClient(waiting, 12);
  waiting.settleAll((place) => waiting.remove(place));
  assert.equal(waiting.size, 0);
});
