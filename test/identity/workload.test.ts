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
    const reference = owner && { kind: owner[0], name: owner[1] };
    assert.deepEqual(workloadOf(pod({ uid: "u", name: "web-0", owner: reference, podTemplateHash })), { kind, name });
  });
}
