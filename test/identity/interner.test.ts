import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Interner } from "../../src/identity/interner.ts";
import { eventually } from "./eventually.ts";

test("Interner gives one object for equal endpoints, Services and answers", () => {
  const interner = new Interner();
  const web = interner.endpoint("Deployment", "shop", "web");
  assert.equal(interner.endpoint("Deployment", "shop", "web"), web);
  assert.notEqual(interner.endpoint("Deployment", "shopw", "eb"), web);
  assert.equal(interner.answers(web).here, interner.answers(web).here);
  assert.deepEqual(interner.answers(web).away, {
    endpoint: web,
    service: undefined,
    maybeHere: false,
    counted: "here",
  });
  const ref = interner.service("shop", "web");
  assert.equal(interner.serviceAnswer(ref), interner.serviceAnswer(interner.service("shop", "web")));
  assert.deepEqual(interner.serviceAnswer(ref), {
    endpoint: undefined,
    service: ref,
    maybeHere: true,
    counted: "here",
  });
});

test("Interner lets go of what nobody holds, and keeps what somebody does", async () => {
  const interner = new Interner();
  const held = interner.endpoint("Job", "shop", "held");
  for (let run = 0; run < 10_000; run += 1) interner.endpoint("Job", "shop", `backup-${run}`);
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  await eventually("the others are gone", () => {
    gc();
    return interner.size === 1;
  });
  assert.equal(interner.endpoint("Job", "shop", "held"), held);
});
