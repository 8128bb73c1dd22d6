import assert from "node:assert/strict";
import { test } from "node:test";
import type { RemoteAnswer } from "../../src/identity/endpoint.ts";
import { clientHalf, FlowRig, REMOTE_CART, REMOTE_DEPOT, serverHalf } from "./flow-rig.ts";

const NEW = "10.0.2.9";
const series = (rig: FlowRig, metric: Parameters<FlowRig["series"]>[0]) => Object.fromEntries(rig.series(metric));

/** A rig in which somebody is about to be known at `NEW`, and the connection of the halves is two seconds old. */
function unsettledRig(counted: RemoteAnswer["counted"] = "here"): FlowRig {
  const rig = new FlowRig();
  const { unknown } = rig.identity;
  rig.identity.news.set(NEW, { endpoint: unknown, service: undefined, maybeHere: true, counted, unsettledMs: 10_000 });
  rig.nowMs = 112_000;
  return rig;
}

function told(rig: FlowRig, endpoint: RemoteAnswer["endpoint"]): void {
  rig.identity.news.set(NEW, { endpoint, service: undefined, maybeHere: false, counted: "here" });
  rig.identity.version++;
}

function sweeps(rig: FlowRig, count: number): void {
  for (let sweep = 0; sweep < count; sweep++) rig.count("changed");
}

test("FlowCounter waits while news may be under way of who is at the other end, and counts who it was", () => {
  const rig = unsettledRig();
  rig.count("none", clientHalf({ remote: NEW }));
  sweeps(rig, 7);
  assert.deepEqual(series(rig, "closed"), {});
  told(rig, REMOTE_DEPOT);
  sweeps(rig, 3);
  assert.deepEqual(series(rig, "closed"), { "cart>remote-depot:8080": 1 });
  assert.deepEqual(series(rig, "io"), {
    "cart>remote-depot:8080 request": 100,
    "cart>remote-depot:8080 response": 200,
  });
  assert.deepEqual([rig.counter.waiting, rig.counter.held], [0, 0]);
});

test("FlowCounter waits no longer than news may be under way", () => {
  const rig = unsettledRig();
  rig.count("none", clientHalf({ remote: NEW }));
  rig.nowMs = 119_900;
  sweeps(rig, 3);
  assert.deepEqual(series(rig, "closed"), {});
  rig.nowMs = 120_000;
  sweeps(rig, 3);
  assert.deepEqual(series(rig, "closed"), { "cart>unknown:8080": 1 });
});

test("FlowCounter waits likewise with what was never established, and looks again by the time alone", () => {
  const rig = unsettledRig();
  rig.count("none", clientHalf({ remote: NEW, establishedNs: 0, state: 2, error: 111, remoteIsn: 0, localIsn: 0 }));
  sweeps(rig, 3);
  assert.deepEqual([series(rig, "failed"), rig.counter.held], [{}, 1]);
  rig.nowMs = 120_000;
  rig.count("none");
  assert.deepEqual([series(rig, "failed"), rig.counter.held], [{ "cart>unknown:8080 refused": 1 }, 0]);
});

test("FlowCounter waits with a server's half for the name of its client, before it asks who forwards it", () => {
  const rig = unsettledRig();
  rig.count("changed", serverHalf({ remote: NEW }));
  sweeps(rig, 7);
  assert.deepEqual(series(rig, "closed"), {});
  told(rig, REMOTE_CART);
  sweeps(rig, 3);
  assert.deepEqual(series(rig, "closed"), { "remote-cart>depot:8080": 1 });
});

test("FlowCounter leaves a server's half to the agent in whose pods' network the client is, whoever that is", () => {
  const rig = unsettledRig("there");
  rig.count("changed", serverHalf({ remote: NEW }));
  sweeps(rig, 3);
  assert.deepEqual(series(rig, "closed"), {});
  assert.deepEqual([rig.counter.leftToPeers, rig.counter.waiting, rig.counter.held], [1, 0, 0]);
});

test("FlowCounter counts what is not settled when it ends, as it is", () => {
  const rig = unsettledRig();
  rig.count("none", clientHalf({ remote: NEW }));
  rig.counter.settle();
  assert.deepEqual(series(rig, "closed"), { "cart>unknown:8080": 1 });
});
