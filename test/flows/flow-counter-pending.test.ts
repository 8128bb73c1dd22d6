import assert from "node:assert/strict";
import { test } from "node:test";
import { clientHalf, FlowRig, type RigOptions, serverHalf } from "./flow-rig.ts";

const FAR = "203.0.113.9";

/** A rig in which the owners of these cgroups are about to be known. */
function pendingRig(cgroups: readonly bigint[], options?: RigOptions) {
  const rig = new FlowRig(options);
  for (const cgroup of cgroups) rig.identity.pendingCgroups.add(cgroup);
  return rig;
}

/** The API server tells of them. */
function told(rig: FlowRig): void {
  rig.identity.pendingCgroups.clear();
  rig.identity.version++;
}

const series = (rig: FlowRig, metric: Parameters<FlowRig["series"]>[0]) => Object.fromEntries(rig.series(metric));

test("FlowCounter holds a connection whose owner is about to be known, and counts it under the right name", () => {
  const rig = pendingRig([1n], { allConnections: true });
  rig.count("none", clientHalf({ remote: FAR }));
  rig.count("changed");
  rig.identity.version++;
  rig.count("changed");
  assert.deepEqual([rig.counter.held, rig.events.length], [1, 0]);
  assert.deepEqual(series(rig, "io"), {});
  told(rig);
  rig.count("none");
  assert.equal(rig.counter.held, 0);
  assert.deepEqual(series(rig, "closed"), { "cart>external:8080": 1 });
  assert.deepEqual(series(rig, "io"), { "cart>external:8080 request": 100, "cart>external:8080 response": 200 });
  assert.equal(rig.events[0]?.client.workload, "cart");
});

for (const [title, cgroups] of [
  ["the client", [1n]],
  ["the server", [2n]],
  ["either end", [1n, 2n]],
] as const) {
  for (const order of ["client", "server"] as const) {
    test(`FlowCounter counts a pair once when the owner of ${title} is told late, the ${order}'s half first`, () => {
      const rig = pendingRig(cgroups);
      const halves = [clientHalf({ remote: "10.96.0.1", remotePort: 80 }), serverHalf()];
      if (order === "server") halves.reverse();
      for (const half of halves) rig.count("changed", half);
      for (let sweep = 0; sweep < 7; sweep++) rig.count("changed");
      assert.deepEqual(series(rig, "closed"), {});
      told(rig);
      for (let sweep = 0; sweep < 3; sweep++) rig.count("changed");
      assert.deepEqual(series(rig, "closed"), { "cart>depot/depot-service:8080": 1 });
      assert.equal(rig.total("io", "request"), 100);
      assert.equal(rig.total("io", "response"), 200);
      assert.deepEqual([rig.counter.held, rig.counter.waiting], [0, 0]);
    });
  }
}

test("FlowCounter holds all that comes of a live connection, so that its baseline stays and each byte counts once", () => {
  const rig = pendingRig([1n]);
  const half = (kind: "found" | "live" | "closed", sentBytes: number) =>
    clientHalf({ kind, remote: FAR, flags: ["older"], sentBytes, receivedBytes: 0 });
  rig.counter.countSurvey(rig.batch(half("found", 1000)));
  rig.count("changed", half("live", 1300));
  rig.count("changed", half("live", 1700));
  assert.equal(rig.counter.held, 3);
  told(rig);
  rig.count("changed", half("live", 1900));
  assert.equal(rig.total("io", "request"), 900);
  assert.deepEqual(series(rig, "active"), { "cart>external:8080": 1 });
  rig.count("none", half("closed", 2000));
  assert.equal(rig.total("io", "request"), 1000);
  assert.deepEqual(series(rig, "active"), {});
  assert.deepEqual(series(rig, "opened"), {});
});

test("FlowCounter holds a connection that failed", () => {
  const rig = pendingRig([1n]);
  rig.count("none", clientHalf({ establishedNs: 0, state: 2, error: 111, remoteIsn: 0, localIsn: 0 }));
  assert.equal(rig.counter.held, 1);
  told(rig);
  rig.count("none");
  assert.deepEqual(series(rig, "failed"), { "cart>depot:8080 refused": 1 });
  assert.equal(rig.events[0]?.client.workload, "cart");
});

test("FlowCounter counts as Unknown what identity has given up, and what is left at the end", () => {
  const rig = pendingRig([1n]);
  rig.count("none", clientHalf({ remote: FAR }));
  rig.identity.pendingCgroups.clear();
  rig.identity.lost.add(1n);
  rig.identity.version++;
  rig.count("none");
  assert.deepEqual(series(rig, "closed"), { "unknown>external:8080": 1 });
  rig.identity.pendingCgroups.add(2n);
  rig.identity.version++;
  rig.count("changed", clientHalf({ id: 5 << 12 }), serverHalf({ id: 6 << 12 }));
  rig.count("changed", serverHalf({ id: 7 << 12, remote: FAR, localIsn: 77 }));
  rig.counter.settle();
  assert.deepEqual(series(rig, "closed"), {
    "unknown>external:8080": 1,
    "unknown>unknown:8080": 1,
    "external>unknown:8080": 1,
  });
  assert.deepEqual([rig.counter.held, rig.counter.waiting], [0, 0]);
});

test("FlowCounter counts a connection that found no room to be held as Unknown's, at once", () => {
  const rig = pendingRig([1n]);
  const { heldCapacity } = rig.counter;
  const records = Array.from({ length: heldCapacity + 3 }, (_, index) =>
    clientHalf({ id: (index + 1) << 12, remote: FAR, localIsn: index }),
  );
  rig.count("none", ...records);
  assert.deepEqual([rig.counter.held, rig.counter.holdRefused], [heldCapacity, 3]);
  assert.deepEqual(series(rig, "closed"), { "unknown>external:8080": 3 });
  told(rig);
  rig.count("none");
  assert.deepEqual(series(rig, "closed"), { "unknown>external:8080": 3, "cart>external:8080": heldCapacity });
});

test("FlowCounter counts a connection that vanished while its owner was about to be known", () => {
  const rig = pendingRig([2n]);
  rig.count("changed", serverHalf({ kind: "live" }));
  rig.count("all", { ...serverHalf({ kind: "vanished" }), sentBytes: 0, receivedBytes: 0 });
  for (let sweep = 0; sweep < 3; sweep++) rig.count("changed");
  told(rig);
  for (let sweep = 0; sweep < 3; sweep++) rig.count("changed");
  assert.equal(rig.total("closed"), 1);
  assert.equal(rig.total("io", "response"), 200);
  assert.deepEqual([rig.counter.held, rig.counter.waiting, rig.counter.liveConnections], [0, 0, 0]);
});
