import assert from "node:assert/strict";
import { test } from "node:test";
import { SeenHalves } from "../../src/flows/seen-halves.ts";

const isns = (client: number, server: number) => Uint32Array.of(client, server);

test("SeenHalves.take() gives an edge once", () => {
  const seen = new SeenHalves();
  seen.add(isns(1, 2), 7);
  assert.equal(seen.take(isns(2, 1)), -1);
  assert.equal(seen.take(isns(1, 2)), 7);
  assert.equal(seen.take(isns(1, 2)), -1);
});

test("SeenHalves remembers through one turn, and forgets in the second", () => {
  const seen = new SeenHalves();
  seen.add(isns(1, 2), 7);
  seen.add(isns(3, 4), 8);
  seen.turn();
  assert.equal(seen.take(isns(1, 2)), 7);
  seen.turn();
  assert.equal(seen.take(isns(3, 4)), -1);
});

test("SeenHalves turns by itself rather than grow without end", () => {
  const seen = new SeenHalves();
  seen.add(isns(0, 1), 5);
  for (let isn = 1; isn <= 262_144; isn++) seen.add(isns(isn, 1), 6);
  assert.equal(seen.take(isns(1, 1)), 6, "those of the turn before are known");
  for (let isn = 1; isn <= 262_144; isn++) seen.add(isns(isn, 2), 6);
  assert.equal(seen.take(isns(0, 1)), -1, "those before that are not");
});
