import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { Directory } from "../../src/identity/directory.ts";
import { Interner } from "../../src/identity/interner.ts";
import { PodDetails } from "../../src/identity/pod-details.ts";
import { pod } from "./pod-fixture.ts";

test("PodDetails.of() gives one object for each container, and another once something has changed", () => {
  const directory = new Directory({ clock: () => 1, version: new AnswerVersion(), interner: new Interner() });
  const details = new PodDetails();
  const containers = [{ name: "app", id: "id-1" }];
  const service = { name: "checkout", namespace: "", instanceId: "" };
  const detail = (id: string) => {
    const entry = directory.podByUid("u");
    assert.ok(entry);
    return details.of(entry, id);
  };
  directory.upsertPod(pod({ uid: "u", name: "web-0", containers, service }));
  const first = detail("id-1");
  assert.deepEqual(first, {
    ...{ uid: "u", name: "web-0", nodeName: "node-1", container: "app", containerId: "id-1" },
    ...{ serviceName: "checkout", serviceNamespace: "", serviceInstanceId: "" },
  });
  assert.equal(detail("id-1"), first);
  assert.equal(detail("").container, "", "a socket whose container is not known");
  directory.upsertPod(pod({ uid: "u", name: "web-0", containers, service: { ...service, name: "cart" } }));
  assert.equal(detail("id-1").serviceName, "cart");
});
