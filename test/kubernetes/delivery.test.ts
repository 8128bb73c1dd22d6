import assert from "node:assert/strict";
import { test } from "node:test";
import { Delivery } from "../../src/kubernetes/delivery.ts";
import type { SlimPod } from "../../src/kubernetes/objects.ts";
import { pods } from "../../src/kubernetes/pods.ts";
import { RecordingSink } from "./recording-sink.ts";

const pod = (uid: string) => ({ uid }) as SlimPod;

function setUp(maxObjects: number) {
  const sink = new RecordingSink();
  const refused: number[] = [];
  const delivery = new Delivery(pods, sink, {
    onSinkError: (error) => assert.fail(String(error)),
    onFull: (objects) => refused.push(objects),
    maxObjects,
  });
  return { sink, refused, delivery };
}

test("Delivery.upsert() leaves out what is beyond its budget, and takes it once there is room", () => {
  const { sink, refused, delivery } = setUp(2);
  for (const uid of ["a", "b", "c"]) delivery.upsert(pod(uid), "1");
  delivery.upsert(pod("b"), "2");
  assert.deepEqual(sink.calls, ["upsert pod a", "upsert pod b", "upsert pod b"]);
  assert.deepEqual([refused, delivery.objects], [[2], 2]);
  delivery.delete("c");
  delivery.delete("a");
  delivery.upsert(pod("c"), "1");
  assert.deepEqual(sink.calls.slice(3), ["delete pod a", "upsert pod c"]);
});

test("Delivery.endList() deletes what the list did not show, and fires nothing for what did not change", () => {
  const { sink, delivery } = setUp(100);
  for (const uid of ["a", "b", "c", "d"]) delivery.upsert(pod(uid), "1");
  sink.calls.length = 0;
  delivery.beginList();
  delivery.upsert(pod("a"), "1");
  delivery.upsert(pod("lost-with-its-list"), "1");
  delivery.beginList(); // the list before broke off
  delivery.upsert(pod("e"), "9");
  delivery.upsert(pod("b"), "1");
  delivery.upsert(pod("d"), "8");
  delivery.delete("b"); // while what exists is streamed
  delivery.endList();
  delivery.endList();
  assert.deepEqual(sink.calls, [
    ...["upsert pod lost-with-its-list", "upsert pod e", "upsert pod d", "delete pod b"],
    ...["delete pod a", "delete pod c", "delete pod lost-with-its-list"],
  ]);
});
