import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { Directory } from "../../src/identity/directory.ts";
import { Interner } from "../../src/identity/interner.ts";
import type { SlimPod } from "../../src/kubernetes/objects.ts";
import { pod } from "./pod-fixture.ts";

function agentPod(uid: string, nodeName: string, fields: Partial<SlimPod> = {}): SlimPod {
  return pod({
    uid,
    nodeName,
    namespace: "weir",
    owner: { kind: "DaemonSet", name: "weir", uid: "uid-weir" },
    ...fields,
  });
}

function directoryOf(ownPodUid: string) {
  const version = new AnswerVersion();
  const directory = new Directory({ clock: Date.now, version, interner: new Interner(), ownPodUid });
  const nodes = () => ["node-1", "node-2", "node-3"].filter((name) => directory.peers.isOn(name));
  return { version, directory, nodes };
}

test("PeerAgents knows the nodes of its own pod's workload, whichever news comes first", () => {
  const orders = [
    ["mine", "a2", "other"],
    ["other", "a2", "mine"],
  ];
  for (const order of orders) {
    const { directory, nodes } = directoryOf("mine");
    const pods: Record<string, SlimPod> = {
      mine: agentPod("mine", "node-1"),
      a2: agentPod("a2", "node-2"),
      other: agentPod("other", "node-3", { namespace: "elsewhere" }),
    };
    for (const uid of order) directory.upsertPod(pods[uid] as SlimPod);
    assert.deepEqual(nodes(), ["node-1", "node-2"]);
    assert.equal(directory.peers.size, 2);
  }
});

test("PeerAgents knows nobody where the agent's own pod is not known", () => {
  const { directory, nodes } = directoryOf("");
  directory.upsertPod(agentPod("a2", "node-2"));
  assert.deepEqual(nodes(), []);
});

test("PeerAgents counts on an agent while its pod is ready, and the version grows when that changes", () => {
  const { directory, version, nodes } = directoryOf("mine");
  directory.upsertPod(agentPod("mine", "node-1"));
  directory.upsertPod(agentPod("a2", "node-2", { isReady: false }));
  assert.deepEqual(nodes(), ["node-1"]);
  const growth = (change: () => void) => {
    const before = version.value;
    change();
    return version.value > before;
  };
  assert.equal(
    growth(() => directory.upsertPod(agentPod("a2", "node-2"))),
    true,
  );
  assert.deepEqual(nodes(), ["node-1", "node-2"]);
  assert.equal(
    growth(() => directory.upsertPod(agentPod("a2", "node-2"))),
    false,
    "no news",
  );
  assert.equal(
    growth(() => directory.deletePod("a2")),
    true,
  );
  assert.deepEqual(nodes(), ["node-1"]);
});

test("PeerAgents keeps a node whose next agent is there before the old one's end is told", () => {
  const { directory, nodes } = directoryOf("mine");
  for (const each of [agentPod("mine", "node-1"), agentPod("old", "node-2"), agentPod("new", "node-2")]) {
    directory.upsertPod(each);
  }
  directory.upsertPod(agentPod("old", "node-2", { isReady: false }));
  directory.deletePod("old");
  assert.deepEqual(nodes(), ["node-1", "node-2"]);
});
