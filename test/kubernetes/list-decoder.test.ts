import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameSplitter } from "../../src/kubernetes/frame-splitter.ts";
import { ListDecoder } from "../../src/kubernetes/list-decoder.ts";
import { envelope, list, pod, status } from "./api-bytes.ts";
import { bytes } from "./protobuf-bytes.ts";

function decode(whole: Buffer, chunkBytes: number) {
  const items: string[] = [];
  const leftOut: number[] = [];
  const onItem = (from: Buffer, start: number, end: number) => items.push(from.subarray(start, end).toString("hex"));
  const decoder = new ListDecoder(onItem, (objectBytes) => leftOut.push(objectBytes));
  for (let at = 0; at < whole.length; at += chunkBytes) decoder.push(whole.subarray(at, at + chunkBytes));
  return { items, leftOut, end: decoder.end() };
}

test("ListDecoder gives the same items however the bytes are cut", () => {
  const pods = Array.from({ length: 7 }, (_, index) => pod({ uid: `u-${index}`, name: "n".repeat(index * 40) }));
  const whole = list(pods, 1234, "next-page");
  for (const chunkBytes of [1, 2, 3, 7, 64, 1000, whole.length]) {
    const { items, end } = decode(whole, chunkBytes);
    assert.deepEqual(
      items,
      pods.map((one) => one.toString("hex")),
    );
    assert.deepEqual(end, { resourceVersion: "1234", continueToken: "next-page" });
  }
});

test("ListDecoder takes an item larger than its buffer and an empty list", () => {
  const large = pod({ uid: "u", annotations: { note: "x".repeat(3_000_000) } });
  assert.equal(decode(list([large, pod({ uid: "v" })], 5), 65_536).items.length, 2);
  const end = { resourceVersion: "5", continueToken: "" };
  assert.deepEqual(decode(list([], 5), 16), { items: [], leftOut: [], end });
});

test("ListDecoder leaves out an item that is too large to be an object, and takes those around it", () => {
  const large = pod({ uid: "u", annotations: { note: "x".repeat(9_000_000) } });
  const [before, behind] = [pod({ uid: "t" }), pod({ uid: "v" })];
  for (const items of [
    [before, large, behind],
    [before, behind, large],
  ]) {
    const decoded = decode(list(items, 5), 65_537);
    assert.deepEqual(decoded.items, [before.toString("hex"), behind.toString("hex")]);
    assert.deepEqual(decoded.leftOut, [large.length]);
  }
  assert.throws(() => decode(list([large], 5).subarray(0, 9_000_000), 65_536), /the response ended in the middle/);
});

test("ListDecoder refuses what is no list, and lists that end early", () => {
  const whole = list([pod({ uid: "u" })], 5);
  assert.throws(() => decode(Buffer.from('{"kind":"PodList"}'), 64), /begin with 6b387300, found 7b226b696e64223a/);
  assert.throws(() => decode(envelope("Status", status(500, "no")), 64), /the server sent a Status/);
  for (let length = 0; length < whole.length; length++) {
    // Behind the list itself only empty envelope fields come: without them it is whole.
    const cut = whole.subarray(0, length);
    if (length === whole.length - 4 || length === whole.length - 2) assert.equal(decode(cut, 64).items.length, 1);
    else assert.throws(() => decode(cut, 64), /Cannot decode list: the response ended/);
  }
  assert.throws(() => decode(envelope("PodList", bytes(1, [bytes(3, "x")])), 64), /no resource version/);
});

test("ListDecoder refuses an item that claims more than an object may have, before it arrives", () => {
  const claim = Buffer.from("k8s\0\x12\xff\xff\xff\xff\x0f\x12\xff\xff\xff\x7f", "latin1");
  assert.throws(() => decode(claim, 64), /an object of 268435455 bytes, at most 8388608/);
  const beyond = envelope("PodList", Buffer.from([0x12, 0x7f, 0x00]));
  assert.throws(() => decode(beyond, 64), /a field of 129 bytes where 3 are left/);
});

test("FrameSplitter gives the same frames however the bytes are cut, and refuses a frame of 4 GiB", () => {
  const bodies = ["", "a", "bc".repeat(500), "x".repeat(300_000)];
  const stream = Buffer.concat(
    bodies.map((body) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      return Buffer.concat([length, Buffer.from(body)]);
    }),
  );
  for (const chunkBytes of [1, 3, 5, 4096, stream.length]) {
    const frames: string[] = [];
    const onFrame = (from: Buffer, start: number, end: number) => frames.push(from.toString("utf8", start, end));
    const splitter = new FrameSplitter(onFrame, () => assert.fail("nothing is too large"));
    for (let at = 0; at < stream.length; at += chunkBytes) splitter.push(stream.subarray(at, at + chunkBytes));
    assert.deepEqual(frames, bodies);
    assert.equal(splitter.frames, bodies.length);
    assert.equal(splitter.isInFrame, false);
    splitter.push(Buffer.from([0, 0]));
    assert.equal(splitter.isInFrame, true);
  }
  const splitter = new FrameSplitter(
    () => assert.fail("no frame"),
    () => assert.fail("no object"),
  );
  assert.throws(() => splitter.push(Buffer.alloc(4, 0xff)), /4294967295 bytes long, at most 8388608/);
});

test("FrameSplitter leaves out a frame that is too large to be an object, and takes those around it", () => {
  const frame = (length: number) => {
    const bytes = Buffer.alloc(4 + length, "x");
    bytes.writeUInt32BE(length);
    return bytes;
  };
  const stream = Buffer.concat([frame(3), frame(9_000_000), frame(5), frame(9_000_001)]);
  for (const chunkBytes of [65_537, stream.length]) {
    const frames: number[] = [];
    const leftOut: number[] = [];
    const splitter = new FrameSplitter(
      (_, start, end) => frames.push(end - start),
      (objectBytes) => leftOut.push(objectBytes),
    );
    for (let at = 0; at < stream.length - 1; at += chunkBytes) {
      splitter.push(stream.subarray(at, Math.min(at + chunkBytes, stream.length - 1)));
    }
    assert.deepEqual(
      [frames, leftOut],
      [
        [3, 5],
        [9_000_000, 9_000_001],
      ],
    );
    assert.deepEqual([splitter.frames, splitter.isInFrame], [3, true]);
    splitter.push(stream.subarray(-1));
    assert.deepEqual([splitter.frames, splitter.isInFrame], [4, false]);
  }
});
