import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../../src/kubernetes/decode-error.ts";
import { ProtobufReader } from "../../src/kubernetes/protobuf-reader.ts";
import { bytes, fixed, number } from "./protobuf-bytes.ts";

const read = (...fields: Buffer[]) => new ProtobufReader().open(Buffer.concat(fields));

test("ProtobufReader.next() passes over every wire type and finds the field behind", () => {
  const reader = read(number(1, 300), fixed(2, 8), bytes(3, "skipped"), fixed(4, 4), bytes(16, "found"));
  const fields: number[] = [];
  let found = "";
  while (reader.next()) {
    fields.push(reader.field());
    if (reader.field() === 16) found = reader.text();
  }
  assert.deepEqual(fields, [1, 2, 3, 4, 16]);
  assert.equal(found, "found");
});

test("ProtobufReader.int32() reads negative and large numbers as 32 bits", () => {
  for (const value of [0, 1, 127, 128, 65_535, 2_147_483_647, -1, -2_147_483_648]) {
    const reader = read(number(7, value));
    assert.ok(reader.next());
    assert.equal(reader.int32(), value);
  }
});

test("ProtobufReader.leave() goes on behind a message that was read in part", () => {
  const reader = read(bytes(1, [bytes(1, [number(1, 5)]), bytes(2, "not read")]), bytes(2, "after"));
  assert.ok(reader.next());
  reader.enter();
  assert.ok(reader.next());
  reader.enter();
  assert.ok(reader.next());
  assert.equal(reader.int32(), 5);
  assert.equal(reader.next(), false);
  reader.leave();
  reader.leave();
  assert.ok(reader.next());
  assert.equal(reader.text(), "after");
  assert.equal(reader.next(), false);
});

test("ProtobufReader reads a range of a larger buffer and a plain Uint8Array", () => {
  const whole = Buffer.concat([Buffer.from("before"), bytes(1, "in"), Buffer.from("behind")]);
  const reader = new ProtobufReader().open(whole, 6, 10);
  assert.ok(reader.next());
  assert.equal(reader.text(), "in");
  assert.equal(reader.next(), false);
  reader.open(new Uint8Array(bytes(1, "plain")));
  assert.ok(reader.next());
  assert.equal(reader.text(), "plain");
  assert.throws(() => reader.open(whole, 6, 99), RangeError);
});

test("ProtobufReader.textAfter() cuts at the separator, and gives all where there is none", () => {
  const reader = read(
    bytes(1, "containerd://abc"),
    bytes(2, "plain"),
    bytes(3, ""),
    bytes(4, "x://"),
    bytes(5, "a:b:/c://d://e"),
    bytes(6, "x:/"),
  );
  const texts: string[] = [];
  while (reader.next()) texts.push(reader.textAfter(Buffer.from("://")));
  assert.deepEqual(texts, ["abc", "plain", "", "", "d://e", "x:/"]);
});

test("ProtobufReader.is() tells whether the text is these bytes, neither more nor less", () => {
  const texts = ["Ready", "Read", "ReadyX", "", "ready"];
  const reader = read(...texts.map((text) => bytes(1, text)), number(2, 1));
  const same: boolean[] = [];
  for (const _ of texts) {
    assert.ok(reader.next());
    same.push(reader.is(Buffer.from("Ready")));
  }
  assert.deepEqual(same, [true, false, false, false, false]);
  assert.ok(reader.next());
  assert.throws(() => reader.is(Buffer.from("")), /expected text in field 2/);
});

test("ProtobufReader.text() gives U+FFFD for what is not UTF-8", () => {
  const reader = read(bytes(1, Buffer.from([0x61, 0xff, 0x62])));
  assert.ok(reader.next());
  assert.equal(reader.text(), "a\ufffdb");
});

const HOSTILE: readonly (readonly [string, Buffer, RegExp])[] = [
  [
    "a length beyond the end",
    Buffer.from([0x0a, 0x05, 0x61]),
    /byte 2: expected 5 bytes for field 1, but the message has 1/,
  ],
  ["a length of 2^63", Buffer.from("0affffffffffffffff7f61", "hex"), /but the message has 1 left/],
  [
    "a varint without end",
    Buffer.from("08ffffffffffffffffffffff", "hex"),
    /byte 1: expected a varint of at most 10 bytes/,
  ],
  ["a varint cut off", Buffer.from([0x08, 0x80]), /byte 1: expected a whole varint/],
  ["a tag cut off", Buffer.from([0x80]), /byte 0: expected a whole varint/],
  ["field 0", Buffer.from([0x00, 0x01]), /byte 0: expected a field number/],
  ["a group", Buffer.from([0x0b]), /byte 0: expected a wire type of 0, 1, 2 or 5/],
  ["a fixed64 cut off", Buffer.from([0x09, 1, 2, 3]), /8 bytes for field 1/],
];
for (const [what, hostile, message] of HOSTILE) {
  test(`ProtobufReader.next() refuses ${what}`, () => {
    const reader = new ProtobufReader().open(hostile);
    assert.throws(
      () => {
        while (reader.next());
      },
      (error: Error) => error instanceof DecodeError && message.test(error.message),
    );
  });
}

test("ProtobufReader refuses a field of another type than asked for, and text that is too long", () => {
  const reader = read(number(1, 1), bytes(2, "x".repeat(5000)));
  assert.ok(reader.next());
  assert.throws(() => reader.text(), /expected text in field 1, found wire type 0/);
  assert.throws(() => reader.enter(), /expected a message in field 1/);
  assert.ok(reader.next());
  assert.throws(() => reader.int32(), /expected a number in field 2/);
  assert.throws(() => reader.text(), /text of at most 4096 bytes, not 5000/);
  assert.equal(reader.text(5000).length, 5000);
  assert.throws(() => reader.leave(), RangeError);
});
