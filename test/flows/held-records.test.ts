import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldRecords } from "../../src/flows/held-records.ts";
import { clientHalf } from "./flow-rig.ts";
import { batchOf, LAYOUT } from "./tcp-record.ts";

const ids = (held: HeldRecords, keep: (id: number) => boolean = () => false) => {
  const seen: number[] = [];
  held.replay((records, index) => {
    seen.push(records.id(index));
    if (keep(records.id(index))) assert.equal(held.add(records, index), true);
  });
  return seen;
};

test("HeldRecords.replay() gives what was added in its order, and keeps what is added again", () => {
  const held = new HeldRecords(LAYOUT, 5);
  const batch = batchOf(...[11, 12, 13, 14, 15, 16].map((id) => clientHalf({ id })));
  for (let index = 0; index < 5; index++) assert.equal(held.add(batch, index), true);
  assert.equal(held.add(batch, 5), false, "full");
  assert.deepEqual(
    ids(held, (id) => id % 2 === 0),
    [11, 12, 13, 14, 15],
  );
  assert.equal(held.size, 2);
  assert.equal(held.add(batch, 5), true);
  assert.deepEqual(
    ids(held, () => true),
    [12, 14, 16],
  );
  assert.deepEqual(ids(held), [12, 14, 16]);
  assert.equal(held.size, 0);
});
