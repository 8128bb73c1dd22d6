import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressTable } from "../../src/identity/address-table.ts";
import type { AddressWords } from "../../src/identity/endpoint.ts";

test("AddressTable agrees with a Map through 200 000 random changes", () => {
  const table = new AddressTable<number>();
  const model = new Map<string, number>();
  let state = 12_345;
  const random = (bound: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % bound;
  };
  for (let step = 0; step < 200_000; step += 1) {
    // Few different words, so that addresses meet again and differ in any one word.
    const address: AddressWords = {
      w0: random(2),
      w1: random(3),
      w2: random(2) * 0xffff,
      w3: (0xfffffff0 + random(200)) >>> 0,
    };
    const key = JSON.stringify(address);
    const what = random(10);
    if (what < 5) {
      table.set(address, step);
      model.set(key, step);
    } else if (what < 8) {
      assert.equal(table.delete(address), model.delete(key));
    } else {
      assert.equal(table.get(address), model.get(key));
    }
    assert.equal(table.size, model.size);
  }
  assert.deepEqual(new Map([...table.entries()].map(([address, value]) => [JSON.stringify(address), value])), model);
  table.clear();
  assert.equal(table.size, 0);
  assert.deepEqual([...table.entries()], []);
});
