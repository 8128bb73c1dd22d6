import assert from "node:assert/strict";
import { test } from "node:test";
import { bookmark, event, list, meta, pod, status } from "./api-bytes.ts";
import { decodeMutated } from "./decode-mutated.ts";

const POD = pod({
  uid: "7b1e6c9e-0000-4000-8000-000000000001",
  labels: { "pod-template-hash": "abc", "topology.kubernetes.io/zone": "z" },
  owners: [{ kind: "ReplicaSet", name: "web-abc", controller: true }],
});

test("A damaged list ends in objects or a DecodeError, 20 000 times", () => {
  const { decoded, refused } = decodeMutated(list([POD, POD, POD], 99, "more"), "list", 20_000, 104_729);
  assert.equal(decoded + refused, 20_000);
  assert.ok(decoded > 100 && refused > 1000, `${decoded} decoded, ${refused} refused: the damage is not of both kinds`);
});

test("A damaged watch stream ends in events or a DecodeError, 20 000 times", () => {
  const frames = [event("ADDED", POD), event("DELETED", meta({ uid: "u" })), bookmark(7, true)];
  const stream = Buffer.concat([...frames, event("ERROR", status(410, "too old"), "Status")]);
  const { decoded, refused } = decodeMutated(stream, "watch", 20_000, 7919);
  assert.equal(decoded + refused, 20_000);
  assert.ok(decoded > 100 && refused > 1000, `${decoded} decoded, ${refused} refused: the damage is not of both kinds`);
});
