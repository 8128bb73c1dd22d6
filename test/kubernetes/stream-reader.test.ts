import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { StreamReader } from "../../src/kubernetes/stream-reader.ts";
import { ManualClock } from "./manual-clock.ts";

const REST_MS = 50;
const patiently = () => true;
const atOnce = () => false;

/** A stream that holds what is pushed until it is read. */
function open(...texts: readonly string[]): Readable {
  const stream = new Readable({ read() {}, highWaterMark: 1 });
  for (const text of texts) stream.push(text);
  return stream;
}

/** So many turns of the event loop that whatever does not wait for the clock has happened. */
async function turns(count = 20): Promise<void> {
  for (let index = 0; index < count; index++) await turn();
}

test("StreamReader.read() takes everything up to the end, in its order", async () => {
  for (const mayWait of [patiently, atOnce]) {
    const stream = open("a", "b", "c");
    stream.push(null);
    const taken: string[] = [];
    await new StreamReader(new ManualClock(), 0).read(stream, { take: (chunk) => taken.push(String(chunk)), mayWait });
    assert.deepEqual(taken, ["a", "b", "c"]);
  }
});

test("StreamReader.read() leaves the event loop to others after 4 ms of reading, all streams together", async () => {
  const clock = new ManualClock();
  const reader = new StreamReader(clock, REST_MS);
  const taken: string[] = [];
  const take = (chunk: Buffer) => {
    taken.push(String(chunk));
    clock.advance(1);
  };
  const streams = ["x", "y"].map((name) => open(...Array.from({ length: 11 }, (_, index) => `${name}${index}`)));
  for (const stream of streams) stream.push(null);
  const reading = Promise.all(streams.map((stream) => reader.read(stream, { take, mayWait: atOnce })));
  const inTurn: number[] = [];
  for (let before = 0; taken.length < 22; before = taken.length) {
    await turn();
    inTurn.push(taken.length - before);
  }
  await reading;
  // A stream looks at the time after what it takes, so each may take one piece more.
  assert.ok(Math.max(...inTurn) <= 5, inTurn.join());
  const ofX = taken.filter((text) => text.startsWith("x"));
  assert.deepEqual([ofX.length, ofX.at(-1), taken.filter((text) => text.startsWith("y")).at(-1)], [11, "x10", "y10"]);
});

test("StreamReader.read() lets what comes soon after what it took come together", async () => {
  const clock = new ManualClock();
  const taken: string[] = [];
  const stream = open("first");
  const take = (chunk: Buffer) => taken.push(String(chunk));
  const reading = new StreamReader(clock, REST_MS).read(stream, { take, mayWait: patiently });
  await turns();
  stream.push("second");
  stream.push("third");
  clock.advance(REST_MS - 1);
  await turns();
  assert.deepEqual(taken, ["first"]);
  clock.advance(1);
  await turns();
  assert.deepEqual(taken, ["first", "second", "third"]);
  stream.push(null);
  clock.advance(REST_MS);
  await reading;
  assert.deepEqual(clock.delaysMs, []);
});

test("StreamReader.read() does not rest where nothing may wait", async () => {
  const taken: string[] = [];
  const stream = open("first");
  const take = (chunk: Buffer) => taken.push(String(chunk));
  const reading = new StreamReader(new ManualClock(), REST_MS).read(stream, { take, mayWait: atOnce });
  await turns();
  stream.push("second");
  await turns();
  assert.deepEqual(taken, ["first", "second"]);
  stream.push(null);
  await reading;
});

test("StreamReader.read() throws what the stream failed with, at once while it rests, and waits for nothing more", async () => {
  const clock = new ManualClock();
  const stream = open("first");
  const reading = new StreamReader(clock, REST_MS).read(stream, { take() {}, mayWait: patiently });
  await turns();
  assert.deepEqual(clock.delaysMs, [REST_MS]);
  stream.destroy(new Error("the peer is gone"));
  await assert.rejects(reading, /the peer is gone/);
  assert.deepEqual(clock.delaysMs, []);
});

test("StreamReader.read() throws what is thrown at a piece, takes no other, and destroys the stream", async () => {
  const stream = open("first", "second");
  let taken = 0;
  const take = () => {
    taken++;
    throw new Error("no sense");
  };
  await assert.rejects(
    new StreamReader(new ManualClock(), REST_MS).read(stream, { take, mayWait: patiently }),
    /no sense/,
  );
  assert.deepEqual([taken, stream.destroyed], [1, true]);
});
