import assert from "node:assert/strict";
import { test } from "node:test";
import { Attribution } from "../../src/flows/attribution.ts";
import { Listeners } from "../../src/flows/listeners.ts";
import { CART, clientHalf, DEPOT, RigIdentity, serverHalf } from "./flow-rig.ts";
import { batchOf } from "./tcp-record.ts";

function rig() {
  const identity = new RigIdentity();
  const listeners = new Listeners();
  const attribution = new Attribution(identity, listeners);
  attribution.refresh(1000);
  return { identity, listeners, attribution };
}

test("Attribution.local() asks once for sockets of one owner", () => {
  const { identity, attribution } = rig();
  const batch = batchOf(clientHalf(), clientHalf({ localPort: 40_002, remote: "10.96.0.1" }));
  assert.equal(attribution.local(batch, 0, false), CART);
  assert.equal(attribution.local(batch, 1, false), CART);
  assert.deepEqual(identity.asked, ["local 1 curl"]);
});

test("Attribution.local() asks again where cgroup, namespace, address or process differ", () => {
  const { identity, attribution } = rig();
  const others = [
    {},
    { cgroupId: 2 },
    { cgroupId: 1 + 2 ** 32 },
    { netns: 99 },
    { local: "10.0.0.7" },
    { comm: "wget" },
  ];
  for (const other of others) attribution.local(batchOf(clientHalf(other)), 0, false);
  assert.equal(identity.asked.length, others.length);
});

test("Attribution.local() names a server's process after its listener, which differs by port", () => {
  const { identity, listeners, attribution } = rig();
  listeners.add(batchOf(serverHalf({ kind: "listen", pid: 7, comm: "depot" })), 0);
  const batch = batchOf(serverHalf(), serverHalf({ localPort: 8081 }));
  assert.equal(attribution.local(batch, 0, true), DEPOT);
  attribution.local(batch, 1, true);
  assert.deepEqual(identity.asked, ["local 2 depot", "local 2 "]);
});

test("Attribution.remote() keeps an answer until identity's version changes", () => {
  const { identity, attribution } = rig();
  const batch = batchOf(clientHalf());
  for (let turn = 0; turn < 3; turn++) {
    attribution.refresh(2000 + turn);
    assert.equal(attribution.remote(batch, 0, false, 3000).endpoint, DEPOT);
  }
  assert.equal(identity.asked.length, 1);
  identity.version++;
  attribution.refresh(4000);
  attribution.remote(batch, 0, false, 4500);
  attribution.remote(batch, 0, false, 4600);
  assert.equal(identity.asked.length, 2);
});

test("Attribution.remote() asks each time about moments before the version began", () => {
  const { identity, attribution } = rig();
  const batch = batchOf(clientHalf());
  attribution.remote(batch, 0, false, 1500);
  attribution.remote(batch, 0, false, 900);
  attribution.remote(batch, 0, false, 900);
  assert.deepEqual(
    identity.asked,
    [1500, 900, 900].map((at) => `remote 10.0.0.2:8080 at ${at}`),
  );
});

test("Attribution.remote() leaves a client's port out of the question", () => {
  const { identity, attribution } = rig();
  attribution.remote(batchOf(serverHalf()), 0, true, 1500);
  assert.deepEqual(identity.asked, ["remote 10.0.0.1:0 at 1500"]);
});

test("Attribution.forget() drops what it kept", () => {
  const { identity, attribution } = rig();
  const batch = batchOf(clientHalf());
  attribution.local(batch, 0, false);
  attribution.forget();
  attribution.local(batch, 0, false);
  assert.equal(identity.asked.length, 2);
});
