import assert from "node:assert/strict";
import { test } from "node:test";
import { WaitingHalves } from "../../src/flows/waiting-halves.ts";
import { batchOf, LAYOUT } from "./tcp-record.ts";

const client = { clientIsn: 11, serverIsn: 22, isServer: false, slot: -1, untilSweep: 2, sinceBatch: 1 };
const record = batchOf({ kind: "closed", id: 1, sentBytes: 100 }, { kind: "closed", id: 1, sentBytes: 300 });

function expired(waiting: WaitingHalves, sweep: number): number[] {
  const places: number[] = [];
  waiting.expire(sweep, (place) => {
    places.push(place);
    waiting.remove(place);
  });
  return places;
}

test("WaitingHalves.find() matches a half with the other side's only", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  const place = waiting.add(record, 0, client);
  assert.equal(waiting.find(11, 22, true), place);
  assert.equal(waiting.find(11, 22, false), -1);
  assert.equal(waiting.find(22, 11, true), -1);
  assert.equal(waiting.isServer(place), false);
  assert.equal(waiting.slot(place), -1);
});

test("WaitingHalves.add() copies the record, and update() a newer one over it", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  const place = waiting.add(record, 0, client);
  assert.equal(waiting.records.sentBytes(place), 100);
  waiting.update(place, record, 1);
  assert.equal(waiting.records.sentBytes(place), 300);
});

test("WaitingHalves.add() refuses the same half twice, and more than there is room for", () => {
  const waiting = new WaitingHalves(LAYOUT, 2);
  assert.ok(waiting.add(record, 0, client) >= 0);
  assert.equal(waiting.add(record, 0, client), -1);
  assert.ok(waiting.add(record, 0, { ...client, clientIsn: 12 }) >= 0);
  assert.equal(waiting.add(record, 0, { ...client, clientIsn: 13 }), -1);
  assert.equal(waiting.size, 2);
});

test("WaitingHalves.isAnyOlderThan() tells of those that still wait", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  const first = waiting.add(record, 0, client);
  waiting.add(record, 0, { ...client, clientIsn: 12, sinceBatch: 2 });
  assert.equal(waiting.isAnyOlderThan(1), false);
  assert.equal(waiting.isAnyOlderThan(2), true);
  waiting.remove(first);
  assert.equal(waiting.isAnyOlderThan(2), false);
  assert.equal(waiting.isAnyOlderThan(3), true);
});

test("WaitingHalves.expire() settles those whose wait is over, each once, and keeps the others", () => {
  const waiting = new WaitingHalves(LAYOUT, 4);
  const first = waiting.add(record, 0, client);
  const second = waiting.add(record, 0, { ...client, clientIsn: 12, untilSweep: 3 });
  assert.deepEqual(expired(waiting, 1), []);
  assert.deepEqual(expired(waiting, 2), [first]);
  assert.deepEqual(expired(waiting, 3), [second]);
  assert.equal(waiting.size, 0);
});

test("WaitingHalves.expire() bears a place that was left and taken again meanwhile", () => {
  const waiting = new WaitingHalves(LAYOUT, 1);
  for (let turn = 0; turn < 10; turn++) {
    const place = waiting.add(record, 0, { ...client, clientIsn: turn, untilSweep: 5 });
    assert.equal(place, 0);
    if (turn < 9) waiting.remove(place);
  }
  assert.deepEqual(expired(waiting, 4), []);
  assert.deepEqual(expired(waiting, 5), [0]);
  assert.deepEqual(expired(waiting, 6), []);
  assert.ok(waiting.add(record, 0, client) >= 0, "there is room again");
  assert.deepEqual(expired(waiting, 6), [0]);
});
