import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "./wait-until.ts";

test("waitUntil() gives the first truthy value, whatever was thrown before", async () => {
  const looks = [() => false, () => assert.fail("not yet"), () => 23];
  assert.equal(await waitUntil(() => looks.shift()?.(), { what: "a number", intervalMs: 0 }), 23);
});

test("waitUntil() says at the deadline what it waited for and why the last look failed", async () => {
  const waiting = waitUntil(() => assert.fail("nobody home"), { what: "an answer", deadlineMs: 0 });
  await assert.rejects(
    waiting,
    /Cannot wait any longer for an answer: 0 ms have passed; the last look failed: nobody home/,
  );
});

test("waitUntil() ends early with its signal's reason", async () => {
  const signal = AbortSignal.abort(new Error("called off"));
  await assert.rejects(
    waitUntil(() => false, { what: "nothing", signal }),
    /called off/,
  );
});
