import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { ByteSource } from "../../src/kubernetes/http/byte-source.ts";
import { StreamReader } from "../../src/kubernetes/stream-reader.ts";
import { ManualClock } from "./manual-clock.ts";

const REST_MS = 50;
const patiently = () => true;
const atOnce = () => false;

/** Holds what is pushed until it is read. */
class HeldSource implements ByteSource {
  readonly #held: string[] = [];
  #isEnded = false;
  #isPaused = true;
  #onBytes = (_bytes: Buffer) => {};
  #onEnd = (_error?: Error) => {};
  destroyed = false;

  push(...texts: readonly string[]): void {
    this.#held.push(...texts);
    this.#flow();
  }

  end(): void {
    this.#isEnded = true;
    this.#flow();
  }

  open(onBytes: (bytes: Buffer) => void, onEnd: (error?: Error) => void): void {
    [this.#onBytes, this.#onEnd] = [onBytes, onEnd];
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    queueMicrotask(() => this.#flow());
  }

  destroy(error: Error): void {
    this.destroyed = true;
    this.#onEnd(error);
  }

  #flow(): void {
    while (!this.#isPaused && !this.destroyed && this.#held.length > 0)
      this.#onBytes(Buffer.from(this.#held.shift() ?? ""));
    if (!this.#isPaused && !this.destroyed && this.#isEnded) this.#onEnd();
  }
}

function open(...texts: readonly string[]): HeldSource {
  const source = new HeldSource();
  source.push(...texts);
  return source;
}

/** So many turns of the event loop that whatever does not wait for the clock has happened. */
async function turns(count = 20): Promise<void> {
  for (let index = 0; index < count; index++) await turn();
}

test("StreamReader.read() takes everything up to the end, in its order", async () => {
  for (const mayWait of [patiently, atOnce]) {
    const source = open("a", "b", "c");
    source.end();
    const taken: string[] = [];
    await new StreamReader(new ManualClock(), 0).read(source, { take: (chunk) => taken.push(String(chunk)), mayWait });
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
  const sources = ["x", "y"].map((name) => open(...Array.from({ length: 11 }, (_, index) => `${name}${index}`)));
  for (const source of sources) source.end();
  const reading = Promise.all(sources.map((source) => reader.read(source, { take, mayWait: atOnce })));
  const inTurn: number[] = [];
  for (let before = 0; taken.length < 22; before = taken.length) {
    await turn();
    inTurn.push(taken.length - before);
  }
  await reading;
  // A source looks at the time after what it takes, so each may take one piece more.
  assert.ok(Math.max(...inTurn) <= 5, inTurn.join());
  const ofX = taken.filter((text) => text.startsWith("x"));
  assert.notEqual(taken.slice(0, 11).join(), ofX.join(), "none has to wait for the other's end");
  assert.deepEqual([ofX.length, ofX.at(-1), taken.filter((text) => text.startsWith("y")).at(-1)], [11, "x10", "y10"]);
});

test("StreamReader.read() lets what comes soon after what it took come together", async () => {
  const clock = new ManualClock();
  const taken: string[] = [];
  const source = open("first");
  const take = (chunk: Buffer) => taken.push(String(chunk));
  const reading = new StreamReader(clock, REST_MS).read(source, { take, mayWait: patiently });
  await turns();
  source.push("second");
  source.push("third");
  clock.advance(REST_MS - 1);
  await turns();
  assert.deepEqual(taken, ["first"]);
  clock.advance(1);
  await turns();
  assert.deepEqual(taken, ["first", "second", "third"]);
  source.end();
  clock.advance(REST_MS);
  await reading;
  assert.deepEqual(clock.delaysMs, []);
});

test("StreamReader.read() lets all that rest go on together", async () => {
  const clock = new ManualClock();
  const reader = new StreamReader(clock, REST_MS);
  const taken: string[] = [];
  const take = (bytes: Buffer) => taken.push(String(bytes));
  const sources = [open("a1"), open()];
  const reading = Promise.all(sources.map((source) => reader.read(source, { take, mayWait: patiently })));
  await turns();
  clock.advance(REST_MS - 10);
  sources[1]?.push("b1");
  await turns();
  sources[0]?.push("a2");
  sources[1]?.push("b2");
  await turns();
  assert.deepEqual([taken, clock.delaysMs], [["a1", "b1"], [REST_MS]]);
  clock.advance(10);
  await turns();
  assert.deepEqual(taken, ["a1", "b1", "a2", "b2"]);
  for (const source of sources) source.end();
  clock.advance(REST_MS);
  await reading;
  assert.deepEqual(clock.delaysMs, []);
});

test("StreamReader.read() does not rest where nothing may wait", async () => {
  const taken: string[] = [];
  const source = open("first");
  const take = (chunk: Buffer) => taken.push(String(chunk));
  const reading = new StreamReader(new ManualClock(), REST_MS).read(source, { take, mayWait: atOnce });
  await turns();
  source.push("second");
  await turns();
  assert.deepEqual(taken, ["first", "second"]);
  source.end();
  await reading;
});

test("StreamReader.read() throws what the source failed with, at once while it rests, and waits for nothing more", async () => {
  const clock = new ManualClock();
  const source = open("first");
  const reading = new StreamReader(clock, REST_MS).read(source, { take() {}, mayWait: patiently });
  await turns();
  assert.deepEqual(clock.delaysMs, [REST_MS]);
  source.destroy(new Error("the peer is gone"));
  await assert.rejects(reading, /the peer is gone/);
  assert.deepEqual(clock.delaysMs, []);
});

test("StreamReader.read() throws what is thrown at a piece, takes no other, and destroys the source", async () => {
  const source = open("first", "second");
  let taken = 0;
  const take = () => {
    taken++;
    throw new Error("no sense");
  };
  await assert.rejects(
    new StreamReader(new ManualClock(), REST_MS).read(source, { take, mayWait: patiently }),
    /no sense/,
  );
  assert.deepEqual([taken, source.destroyed], [1, true]);
});
