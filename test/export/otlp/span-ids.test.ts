import assert from "node:assert/strict";
import { test } from "node:test";
import { spanIdsOf } from "../../../src/export/otlp/span-ids.ts";

test("spanIdsOf() gives both ends the same ids, stable across versions", () => {
  const ids = spanIdsOf({ clientIsn: 0x89abcdef, serverIsn: 0x01234567 });
  assert.deepEqual(spanIdsOf({ clientIsn: 0x89abcdef, serverIsn: 0x01234567 }), ids);
  // Agents of different versions meet on one trace: these must never change.
  assert.deepEqual(ids, {
    traceId: "023b2efac4e7bf541568e8fa11a73e5a",
    clientSpanId: "48eb2e4b4f15ee57",
    serverSpanId: "b11d641d85fe1522",
  });
});

test("spanIdsOf() gives neighbours, swapped pairs and both ends ids of their own", () => {
  const seen = new Set<string>();
  let expected = 0;
  for (let client = 1; client <= 100; client++) {
    for (let server = 1; server <= 100; server++) {
      const { traceId, clientSpanId, serverSpanId } = spanIdsOf({ clientIsn: client, serverIsn: server });
      assert.match(traceId, /^[0-9a-f]{32}$/);
      assert.match(clientSpanId, /^[0-9a-f]{16}$/);
      for (const id of [traceId, clientSpanId, serverSpanId]) seen.add(id);
      expected += 3;
    }
  }
  assert.equal(seen.size, expected);
});

test("spanIdsOf() gives connections that were never established random ids", () => {
  const ids = [0, 1, 2, 3].map((serverIsn) => spanIdsOf({ clientIsn: 0, serverIsn }).traceId);
  ids.push(spanIdsOf({ clientIsn: 7, serverIsn: 0 }).traceId, spanIdsOf({ clientIsn: 7, serverIsn: 0 }).traceId);
  assert.equal(new Set(ids).size, 6);
});
