import assert from "node:assert/strict";
import { test } from "node:test";
import { ownNode } from "../../src/identity/own-node.ts";
import { Hierarchy } from "./node-news.ts";

const UID = "2f1c8d6e-7a3b-4c5d-9e8f-0a1b2c3d4e5f";
const OUTER_UID = "3f1c8d6e-7a3b-4c5d-9e8f-0a1b2c3d4e5f";
const ID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const FIRST_NETNS = 4_026_531_833;
const NODE_NETNS = 77;

/** A lineage of (cgroup, root of the cgroup namespace, network namespace), the agent's own process first, the kernel's last. */
function found(...lineage: (readonly [string, string, number])[]) {
  const hierarchy = new Hierarchy();
  const processes = lineage.map(([cgroup, root, netns], index) => hierarchy.process(1000 - index, cgroup, root, netns));
  const node = ownNode([...processes.flat(), ...hierarchy.process(0, "/", "/", FIRST_NETNS)]);
  const { bounds } = node;
  const expected = (path: string, level: number, netns: number) => ({
    path,
    level,
    netns,
    cgroupId: hierarchy.id(path),
  });
  return { node, bounds, expected };
}

test("ownNode() takes a program that was started on a host for the whole host", () => {
  const { node, bounds } = found(
    ["/user.slice/user-0.slice/session-1.scope", "/", FIRST_NETNS],
    ["/system.slice/ssh.service", "/", FIRST_NETNS],
  );
  assert.equal(bounds, undefined);
  assert.deepEqual(node.hostNetns, [FIRST_NETNS]);
  assert.equal(node.agentPath, "/user.slice/user-0.slice/session-1.scope");
});

test("ownNode() takes the host for the node of a pod on the host's network, also in a cgroup namespace of its own", () => {
  const pod = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll("-", "_")}.slice`;
  const container = `${pod}/cri-containerd-${ID}.scope`;
  const shim = ["/system.slice/containerd.service", "/", FIRST_NETNS] as const;
  for (const root of ["/", container]) {
    const { node, bounds } = found([container, root, FIRST_NETNS], shim, ["/init.scope", "/", FIRST_NETNS]);
    assert.equal(bounds, undefined, root);
    assert.deepEqual(node.hostNetns, [FIRST_NETNS]);
  }
});

test("ownNode() does not take a pod's own network for the host's", () => {
  const container = `/kubepods/pod${UID}/${ID}`;
  const { node, bounds } = found([container, container, 99], ["/system.slice/k3s.service", "/", FIRST_NETNS]);
  assert.equal(bounds, undefined);
  assert.deepEqual(node.hostNetns, [FIRST_NETNS]);
});

test("ownNode() finds kind's node, whose kubelet keeps pods in a slice of its own", () => {
  const root = `/docker/${ID}`;
  const container = `${root}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${UID.replaceAll("-", "_")}.slice/cri-containerd-${ID.replace("01", "99")}.scope`;
  const { node, bounds, expected } = found(
    [container, container, NODE_NETNS],
    [`${root}/system.slice/containerd.service`, root, NODE_NETNS],
    [`${root}/init.scope`, root, NODE_NETNS],
    ["/system.slice/containerd.service", "/", FIRST_NETNS],
  );
  assert.deepEqual(bounds, expected(root, 2, NODE_NETNS));
  assert.deepEqual(node.hostNetns, [NODE_NETNS]);
});

test("ownNode() finds a node with a cgroup namespace: a pod in it, an unprivileged pod, a program that was started on it", () => {
  const container = `/k8s-n1/kubepods/burstable/pod${UID}/${ID}`;
  const shim = ["/k8s-n1", "/k8s-n1", NODE_NETNS] as const;
  for (const self of [
    [container, "/k8s-n1", NODE_NETNS],
    [container, container, NODE_NETNS],
    [container, container, 99],
    ["/k8s-n1/agent", "/k8s-n1", NODE_NETNS],
  ] as const) {
    const { bounds, expected } = found(self, shim, ["/", "/", FIRST_NETNS]);
    assert.deepEqual(bounds, expected("/k8s-n1", 1, NODE_NETNS), self.join());
  }
});

test("ownNode() finds a node without a cgroup namespace by its network and where its kubelet keeps pods", () => {
  const container = `/k8s-n1/kubepods/burstable/pod${UID}/${ID}`;
  for (const root of ["/", container]) {
    const { bounds, expected } = found([container, root, NODE_NETNS], ["/k8s-n1", "/", NODE_NETNS]);
    assert.deepEqual(bounds, expected("/k8s-n1", 1, NODE_NETNS), root);
  }
});

test("ownNode() takes a host whose kubelet keeps pods below a directory of its own for the whole host", () => {
  const { bounds } = found([`/tenants/kubepods/pod${UID}/${ID}`, "/", FIRST_NETNS], ["/kubelet", "/", FIRST_NETNS]);
  assert.equal(bounds, undefined);
});

test("ownNode() finds the inner node where nodes run in pods", () => {
  const root = `/kubepods/pod${OUTER_UID}/${ID}/docker/${ID.replace("01", "88")}`;
  const container = `${root}/kubepods/pod${UID}/${ID.replace("01", "99")}`;
  const { bounds, expected } = found(
    [container, container, NODE_NETNS],
    [`${root}/system.slice/containerd.service`, root, NODE_NETNS],
    [`/kubepods/pod${OUTER_UID}/${ID}`, `/kubepods/pod${OUTER_UID}/${ID}`, 88],
    ["/system.slice/containerd.service", "/", FIRST_NETNS],
  );
  assert.deepEqual(bounds, expected(root, 5, NODE_NETNS));
});

test("ownNode() passes over a runtime's monitor that lives in the pod's own cgroup", () => {
  const pod = `/kubepods.slice/kubepods-pod${UID.replaceAll("-", "_")}.slice`;
  const { bounds } = found(
    [`${pod}/crio-${ID}.scope`, `${pod}/crio-${ID}.scope`, 99],
    [`${pod}/crio-conmon-${ID}.scope`, "/", FIRST_NETNS],
    ["/init.scope", "/", FIRST_NETNS],
  );
  assert.equal(bounds, undefined);
});

test("ownNode() filters nothing where the kernel does not tell", () => {
  const { bounds, hostNetns, agentPath } = ownNode([]);
  assert.deepEqual([bounds, hostNetns, agentPath], [undefined, undefined, ""]);
});
