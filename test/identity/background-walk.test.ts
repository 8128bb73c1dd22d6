import assert from "node:assert/strict";
import { test } from "node:test";
import { BackgroundWalk } from "../../src/identity/background-walk.ts";
import { eventually } from "./eventually.ts";

test("BackgroundWalk.request() runs a short walk before it returns", () => {
  let steps = 0;
  const walk = new BackgroundWalk({
    sliceMs: 1000,
    *steps() {
      for (; steps < 10; steps += 1) yield;
    },
  });
  walk.request(60_000);
  assert.equal(steps, 10);
  assert.equal(walk.runs, 1);
  assert.equal(walk.running, false);
  walk.request(60_000);
  assert.equal(walk.runs, 1, "not again before its time");
  walk.shutdown();
});

test("BackgroundWalk leaves the event loop free between slices", async () => {
  let steps = 0;
  const walk = new BackgroundWalk({
    sliceMs: 0,
    *steps() {
      for (; steps < 50; steps += 1) yield;
    },
  });
  let turns = 0;
  const count = () => {
    turns += 1;
    if (walk.running) setImmediate(count);
  };
  const over = walk.runNow();
  assert.ok(steps < 50);
  setImmediate(count);
  await over;
  assert.equal(steps, 50);
  assert.ok(turns >= 40, `${turns} turns`);
});

test("BackgroundWalk counts a failing walk and goes on with the next", async () => {
  let runs = 0;
  const walk = new BackgroundWalk({
    sliceMs: 10,
    // biome-ignore lint/correctness/useYield: it fails before it comes to that.
    *steps() {
      runs += 1;
      if (runs === 1) throw new Error("first");
    },
  });
  await walk.runNow();
  assert.equal(walk.failures, 1);
  walk.request(0);
  await eventually("a second run", () => runs === 2);
  assert.equal(walk.failures, 1);
  walk.shutdown();
});

test("BackgroundWalk.shutdown() ends a run in flight, and waiters, and may be called again", async () => {
  const walk = new BackgroundWalk({
    sliceMs: 0,
    *steps() {
      for (;;) yield;
    },
  });
  const over = walk.runNow();
  walk.shutdown();
  walk.shutdown();
  await over;
  assert.equal(walk.running, false);
  walk.request(0);
  assert.equal(walk.running, false);
});
