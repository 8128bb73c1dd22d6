import assert from "node:assert/strict";
import { test } from "node:test";
import { workloadOf } from "../../src/identity/workload.ts";
import { pod } from "./pod-fixture.ts";

const CASES: readonly [owner: [string, string] | undefined, hash: string, kind: string, name: string][] = [
  [undefined, "", "Pod", "web-0"],
  [["ReplicaSet", "web-6d5f"], "6d5f", "Deployment", "web"],
  [["ReplicaSet", "web-6d5f-6d5f"], "6d5f", "Deployment", "web-6d5f"],
  [["ReplicaSet", "web"], "", "ReplicaSet", "web"],
  [["ReplicaSet", "web-1"], "6d5f", "ReplicaSet", "web-1"],
  [["ReplicaSet", "-6d5f"], "6d5f", "ReplicaSet", "-6d5f"],
  [["StatefulSet", "db"], "", "StatefulSet", "db"],
  [["DaemonSet", "proxy"], "6d5f", "DaemonSet", "proxy"],
  [["Job", "backup-2812"], "", "Job", "backup-2812"],
  [["Node", "node-1"], "", "Pod", "web-0"],
  [["CloneSet", "web"], "", "CloneSet", "web"],
];

for (const [owner, podTemplateHash, kind, name] of CASES) {
  test(`workloadOf() of ${owner?.join("/") ?? "no owner"}, hash "${podTemplateHash}", is ${kind} ${name}`, () => {
    const reference = owner && { kind: owner[0], name: owner[1], uid: "u-1" };
    assert.deepEqual(workloadOf(pod({ uid: "u", name: "web-0", owner: reference, podTemplateHash })), { kind, name });
  });
}

test("workloadOf() knows an Argo Rollout's pods by the label that it gives them", () => {
  const owner = { kind: "ReplicaSet", name: "web-79c4", uid: "u-1" };
  assert.deepEqual(workloadOf(pod({ uid: "u", owner, rolloutTemplateHash: "79c4" })), { kind: "Rollout", name: "web" });
});

test("workloadOf() believes the owner's own owner more than names", () => {
  const replicaSet = { kind: "ReplicaSet", name: "web-6d5f", uid: "rs" };
  const ofReplicaSet = pod({ uid: "u", owner: replicaSet, podTemplateHash: "6d5f" });
  const custom = { kind: "Release", name: "shop", uid: "r" };
  assert.deepEqual(
    workloadOf(ofReplicaSet, () => custom),
    { kind: "Release", name: "shop" },
  );
  assert.deepEqual(
    workloadOf(ofReplicaSet, () => "none"),
    { kind: "ReplicaSet", name: "web-6d5f" },
  );
  const ofJob = pod({ uid: "u", owner: { kind: "Job", name: "backup-29381", uid: "job" } });
  const owners = (uid: string) => (uid === "job" ? { kind: "CronJob", name: "backup", uid: "c" } : undefined);
  assert.deepEqual(workloadOf(ofJob, owners), { kind: "CronJob", name: "backup" });
  assert.deepEqual(
    workloadOf(ofJob, () => "none"),
    { kind: "Job", name: "backup-29381" },
  );
});
