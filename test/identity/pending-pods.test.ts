import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { PendingPods, type PendingPodsOptions } from "../../src/identity/pending-pods.ts";
import { eventually } from "./eventually.ts";

function rig(t: TestContext, options: Partial<PendingPodsOptions> = {}) {
  const [version, time] = [new AnswerVersion(), { nowMs: 1000 }];
  const pods = new PendingPods({ clock: () => time.nowMs, version, waitMs: 100, ...options });
  t.after(() => pods.shutdown());
  return { pods, version, time };
}

test("PendingPods.awaits() says yes for a time, then no, and the version grows in between", (t) => {
  const { pods, version, time } = rig(t);
  assert.equal(pods.awaits("a"), true);
  time.nowMs += 99;
  assert.equal(pods.awaits("a"), true);
  assert.equal(version.value, 1);
  time.nowMs += 1;
  assert.equal(pods.awaits("a"), false);
  assert.equal(version.value, 2);
  assert.equal(pods.awaits("a"), false);
  assert.equal(version.value, 2);
  assert.deepEqual(pods.stats(), { awaited: 0, expired: 1, refusals: 0 });
});

test("PendingPods grows the version although nobody asks", async (t) => {
  const { pods, version, time } = rig(t, { waitMs: 20 });
  pods.awaits("a");
  time.nowMs += 20;
  await eventually("the wait is over", () => version.value === 2);
});

test("PendingPods.settle() ends a wait, and a later one is another", (t) => {
  const { pods, version, time } = rig(t);
  pods.awaits("a");
  pods.settle("a");
  time.nowMs += 1000;
  assert.equal(pods.awaits("a"), true);
  assert.equal(version.value, 1);
  assert.deepEqual(pods.stats(), { awaited: 1, expired: 0, refusals: 0 });
});

test("PendingPods awaits so many at once, and forgets after ten minutes which were awaited in vain", (t) => {
  const { pods, time } = rig(t, { maxPods: 2 });
  assert.deepEqual([pods.awaits("a"), pods.awaits("b"), pods.awaits("c"), pods.awaits("a")], [true, true, false, true]);
  assert.equal(pods.stats().refusals, 1);
  time.nowMs += 100;
  assert.deepEqual([pods.awaits("a"), pods.awaits("c")], [false, false], "what was in vain takes room, too");
  time.nowMs += 600_000;
  assert.deepEqual([pods.awaits("c"), pods.awaits("a")], [true, true]);
});
