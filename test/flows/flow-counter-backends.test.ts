import assert from "node:assert/strict";
import { test } from "node:test";
import { address } from "../identity/address.ts";
import { ConntrackTable } from "./conntrack-table.ts";
import { clientHalf, FlowRig, NODE_PORT, serverHalf } from "./flow-rig.ts";

const SERVICE = { remote: "10.96.0.1", remotePort: 80 };
const LOCAL_BACKEND = "10.0.0.2:8080";
const REMOTE_BACKEND = "10.0.2.2:8080";
/** Sequence numbers of a connection of its own. */
const other = (index: number) => ({
  id: 4097 + index,
  localPort: 40_001 + index,
  localIsn: 1000 + index,
  remoteIsn: 77 + index,
});
const asked = (port = 40_001) => `10.0.0.1:${port}>10.96.0.1:80`;

function rigWith(...backends: readonly (readonly [port: number, backend: string])[]) {
  const conntrack = new ConntrackTable();
  for (const [port, backend] of backends) conntrack.entries.set(asked(port), backend);
  return { conntrack, rig: new FlowRig({ conntrack }) };
}

test("FlowCounter counts a connection to a Service on its backend elsewhere, as soon as connection tracking says so", async () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND]);
  rig.count("none", clientHalf(SERVICE));
  assert.deepEqual(conntrack.asked, [[asked()]]);
  assert.equal(rig.total("closed"), 0, "it waits");
  await conntrack.answer();
  assert.deepEqual([...rig.series("closed")], [["cart>remote-depot/depot-service:8080", 1]]);
  assert.equal(rig.counter.waiting, 0);
  assert.equal(rig.counter.wantsSweep, false, "no sweep is needed for it");
  assert.ok(
    rig.identity.asked.includes(`backend 10.0.2.2:8080 of depot-service at ${1e12 + 110_000}`),
    "as it was then",
  );
});

test("FlowCounter follows a live connection to its backend elsewhere", async () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND]);
  rig.count("changed", clientHalf({ ...SERVICE, kind: "live", sentBytes: 10 }));
  rig.count("none", clientHalf({ ...SERVICE, kind: "live", sentBytes: 30 }));
  await conntrack.answer();
  rig.count("none", clientHalf({ ...SERVICE, sentBytes: 100 }));
  assert.equal(conntrack.asked.length, 1, "asked once");
  assert.deepEqual([...rig.series("closed")], [["cart>remote-depot/depot-service:8080", 1]]);
  assert.equal(rig.series("io").get("cart>remote-depot/depot-service:8080 request"), 100);
});

test("FlowCounter asks nothing where the server's half is in the same batch, or where no Service is addressed", () => {
  const { conntrack, rig } = rigWith();
  rig.count("none", clientHalf(SERVICE), serverHalf());
  rig.count("none", clientHalf({ ...other(1), remote: "192.168.0.1" }));
  rig.count("none", serverHalf({ ...other(2), remote: "10.0.0.1" }));
  assert.deepEqual(conntrack.asked, []);
});

test("FlowCounter still waits for the server's half where the backend may be here", async () => {
  const { conntrack, rig } = rigWith([40_001, LOCAL_BACKEND]);
  rig.count("none", clientHalf(SERVICE));
  await conntrack.answer();
  assert.equal(rig.total("closed"), 0);
  rig.count("changed", serverHalf());
  assert.deepEqual([...rig.series("closed")], [["cart>depot/depot-service:8080", 1]]);
});

test("FlowCounter counts on the backend by its name where the server's half does not come", async () => {
  const { conntrack, rig } = rigWith([40_001, LOCAL_BACKEND]);
  rig.count("none", clientHalf(SERVICE));
  await conntrack.answer();
  rig.count("changed");
  rig.count("changed");
  assert.deepEqual([...rig.series("closed")], [["cart>depot/depot-service:8080", 1]]);
});

test("FlowCounter waits for connection tracking's answer, however many sweeps go by", async () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND], [40_002, REMOTE_BACKEND]);
  rig.count("none", clientHalf(SERVICE), clientHalf({ ...timedOut, ...other(1) }));
  for (let sweep = 0; sweep < 10; sweep++) rig.count("changed");
  assert.equal(rig.total("closed"), 0);
  assert.equal(rig.total("failed"), 0);
  await conntrack.answer();
  assert.deepEqual([...rig.series("closed")], [["cart>remote-depot/depot-service:8080", 1]]);
  assert.deepEqual([...rig.series("failed")], [["cart>remote-depot/depot-service:8080 timeout", 1]]);
});

test("FlowCounter counts on the Service alone where nobody knows the backend", async () => {
  for (const [entries, error] of [
    [[], undefined],
    [[[40_001, "10.96.0.1:80"]], undefined], // not translated
    [[[40_001, REMOTE_BACKEND]], new Error("no netlink")],
  ] as const) {
    const { conntrack, rig } = rigWith(...entries);
    rig.count("none", clientHalf(SERVICE));
    await conntrack.answer(error);
    rig.count("changed");
    rig.count("changed");
    assert.deepEqual([...rig.series("closed")], [["cart>unknown/depot-service:80", 1]]);
    rig.count("changed", clientHalf({ ...SERVICE, ...other(1) }));
    assert.equal(conntrack.asked.length, 2, "it asks again for the next");
  }
});

test("FlowCounter keeps to the budget, and counts what is refused by what it knows", async () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND], [40_002, REMOTE_BACKEND]);
  conntrack.credit = 1;
  rig.count("none", clientHalf(SERVICE), clientHalf({ ...SERVICE, ...other(1) }));
  assert.deepEqual(conntrack.asked, [[asked()]]);
  assert.equal(conntrack.refused, 1);
  await conntrack.answer();
  rig.count("changed");
  rig.count("changed");
  assert.deepEqual(
    [...rig.series("closed")],
    [
      ["cart>remote-depot/depot-service:8080", 1],
      ["cart>unknown/depot-service:80", 1],
    ],
  );
});

test("FlowCounter asks in one crossing at a time, about what still waits then", async () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND], [40_002, REMOTE_BACKEND], [40_003, REMOTE_BACKEND]);
  rig.count("none", clientHalf(SERVICE));
  rig.count("none", clientHalf({ ...SERVICE, ...other(1) }));
  rig.count("none", clientHalf({ ...SERVICE, ...other(2) }));
  rig.count("none", serverHalf({ localIsn: 78, remoteIsn: 1001 }));
  assert.deepEqual(conntrack.asked, [[asked()]]);
  await conntrack.answer();
  assert.deepEqual(conntrack.asked, [[asked()], [asked(40_003)]], "the second one's other half came");
  await conntrack.answer();
  assert.deepEqual(rig.total("closed"), 3);
  assert.equal(rig.series("closed").get("cart>remote-depot/depot-service:8080"), 2);
});

test("FlowCounter takes no answer for another connection that waits in the same place by then", async () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND]);
  rig.count("none", clientHalf(SERVICE));
  rig.count("none", serverHalf());
  rig.count("none", clientHalf({ ...SERVICE, ...other(1) }));
  await conntrack.answer(); // to the first
  assert.deepEqual([...rig.series("closed")], [["cart>depot/depot-service:8080", 1]]);
  await conntrack.answer();
  rig.counter.settle();
  assert.equal(rig.series("closed").get("cart>unknown/depot-service:80"), 1);
});

test("FlowCounter asks about thousands in crossings of at most 1024", async () => {
  const connections = Array.from({ length: 2053 }, (_, index) => ({ ...SERVICE, ...other(index) }));
  const { conntrack, rig } = rigWith(...connections.map(({ localPort }) => [localPort, REMOTE_BACKEND] as const));
  rig.count("none", ...connections.map((connection) => clientHalf(connection)));
  for (const size of [1024, 1024, 5]) {
    assert.equal(conntrack.asked.at(-1)?.length, size);
    await conntrack.answer();
  }
  assert.deepEqual([...rig.series("closed")], [["cart>remote-depot/depot-service:8080", 2053]]);
  await rig.counter.finish(60_000);
});

const refused = { ...SERVICE, establishedNs: 0, state: 2, error: 111, remoteIsn: 0, localIsn: 0 };
const timedOut = { ...refused, error: 110 };

test("FlowCounter does not ask for the backend that refused: the kernel has forgotten it", () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND]);
  rig.count("none", clientHalf(refused));
  assert.deepEqual(conntrack.asked, []);
  assert.deepEqual([...rig.series("failed")], [["cart>unknown/depot-service:80 refused", 1]]);
});

test("FlowCounter tells which backend did not answer", async () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND]);
  rig.count("none", clientHalf(timedOut), clientHalf({ ...timedOut, id: 5000, localPort: 40_002 }));
  assert.deepEqual(conntrack.asked, [[asked(), asked(40_002)]]);
  assert.equal(rig.total("failed"), 0);
  await conntrack.answer();
  assert.deepEqual(
    [...rig.series("failed")],
    [
      ["cart>remote-depot/depot-service:8080 timeout", 1],
      ["cart>unknown/depot-service:80 timeout", 1],
    ],
  );
  assert.equal(rig.events.length, 2);
});

test("FlowCounter.settle() counts failures that wait to hear of their backend", () => {
  const { conntrack, rig } = rigWith([40_001, REMOTE_BACKEND]);
  rig.count("none", clientHalf(timedOut));
  assert.equal(conntrack.asked.length, 1);
  rig.counter.settle();
  assert.deepEqual([...rig.series("failed")], [["cart>unknown/depot-service:80 timeout", 1]]);
});

test("FlowCounter counts failures beyond 1024 that wait at once, and those over the budget, by what they know", async () => {
  const { conntrack, rig } = rigWith();
  const failures = Array.from({ length: 1031 }, (_, index) =>
    clientHalf({ ...timedOut, id: 9000 + index, localPort: 1000 + index }),
  );
  rig.count("none", ...failures);
  assert.equal(rig.total("failed"), 7);
  await conntrack.answer();
  assert.equal(rig.total("failed"), 1031);
  conntrack.credit = 0;
  rig.count("none", clientHalf(timedOut));
  assert.equal(rig.total("failed"), 1032);
});

const OTHER_NODE = { remote: "192.168.0.2", remotePort: NODE_PORT };
const NODE_PORT_TUPLE = `10.0.0.1:40001>192.168.0.2:${NODE_PORT}`;
const UNTRANSLATED = `192.168.0.2:${NODE_PORT}`;
const backendAt = (text: string) => ({ address: address(text), port: 8080 });

/** A connection to another node's port, about which this node's connection tracking has answered. */
async function atOtherNode(entry?: string, error?: Error, half = clientHalf(OTHER_NODE)) {
  const conntrack = new ConntrackTable();
  if (entry !== undefined) conntrack.entries.set(NODE_PORT_TUPLE, entry);
  const rig = new FlowRig({ conntrack });
  rig.count("none", half);
  await conntrack.answer(error);
  return rig;
}

test("FlowCounter asks another node where it sent what came to its port, and counts it there at once", async () => {
  const rig = await atOtherNode(UNTRANSLATED);
  const [question] = rig.nodePortQuestions;
  const [from, to] = [address("10.0.0.1"), address("192.168.0.2")];
  assert.deepEqual(question?.connection, { from, fromPort: 40_001, to, toPort: NODE_PORT });
  assert.equal(rig.total("closed"), 0);
  question?.answer(backendAt("10.0.2.2"), false);
  assert.deepEqual([...rig.series("closed")], [["cart>remote-depot/depot-service:8080", 1]]);
  assert.equal(rig.counter.waiting, 0);
});

test("FlowCounter asks another node by the address that its own has given the connection", async () => {
  const rig = await atOtherNode(`${UNTRANSLATED}>192.168.0.1:61001`);
  const { from, fromPort } = rig.nodePortQuestions[0]?.connection ?? {};
  assert.deepEqual([from, fromPort], [address("192.168.0.1"), 61_001]);
});

test("FlowCounter asks another node by the connection's own addresses where its own knows nothing of it", async () => {
  for (const error of [undefined, new Error("no netlink")]) {
    const rig = await atOtherNode(undefined, error);
    assert.deepEqual(rig.nodePortQuestions[0]?.connection.fromPort, 40_001);
  }
});

test("FlowCounter waits for another node's answer, without sweeps, when the other half has not come", async () => {
  for (const [answer, edge] of [
    [backendAt("10.0.2.2"), "cart>remote-depot/depot-service:8080"],
    [backendAt("10.0.0.2"), "cart>depot/depot-service:8080"],
    [undefined, `cart>unknown/depot-service:${NODE_PORT}`],
  ] as const) {
    const rig = await atOtherNode(UNTRANSLATED);
    rig.count("changed");
    rig.count("changed");
    rig.count("changed");
    assert.equal(rig.total("closed"), 0);
    assert.equal(rig.counter.wantsSweep, false);
    rig.nodePortQuestions[0]?.answer(answer, answer === undefined);
    assert.deepEqual([...rig.series("closed")], [[edge, 1]]);
    assert.equal(rig.counter.waiting, 0);
  }
});

test("FlowCounter waits for the other half where another node sent the connection back here, or does not know", async () => {
  for (const answer of [backendAt("10.0.0.2"), undefined]) {
    const rig = await atOtherNode(UNTRANSLATED);
    rig.nodePortQuestions[0]?.answer(answer, false);
    assert.equal(rig.total("closed"), 0);
    rig.count("changed", serverHalf({ remote: "192.168.0.2" }));
    assert.deepEqual([...rig.series("closed")], [["cart>depot/depot-service:8080", 1]]);
    assert.equal(rig.counter.waiting, 0);
  }
});

test("FlowCounter forgets what it asked another node when the other half comes, and when it ends", async () => {
  const paired = await atOtherNode(UNTRANSLATED);
  paired.count("changed", serverHalf({ remote: "192.168.0.2" }));
  paired.nodePortQuestions[0]?.answer(backendAt("10.0.2.2"), false);
  assert.deepEqual([...paired.series("closed")], [["cart>depot/depot-service:8080", 1]]);

  const ended = await atOtherNode(UNTRANSLATED);
  ended.counter.settle();
  ended.nodePortQuestions[0]?.answer(backendAt("10.0.2.2"), false);
  assert.deepEqual([...ended.series("closed")], [[`cart>unknown/depot-service:${NODE_PORT}`, 1]]);
});

test("FlowCounter.finish() asks about all that waits, and waits for the answers", async () => {
  const conntrack = new ConntrackTable();
  conntrack.entries.set(NODE_PORT_TUPLE, UNTRANSLATED);
  const rig = new FlowRig({ conntrack, origins: true });
  rig.count("none", clientHalf(OTHER_NODE), serverHalf({ localIsn: 78, remoteIsn: 1001, remote: "192.168.0.2" }));
  let isOver = false;
  const over = rig.counter.finish(60_000).then(() => {
    isOver = true;
  });
  await conntrack.answer();
  assert.equal(rig.questions.length, 1, "without a sweep");
  rig.questions[0]?.answer({ client: address("203.0.113.9"), address: address("10.96.0.1"), port: 80 }, false);
  await new Promise(setImmediate);
  assert.equal(isOver, false);
  rig.nodePortQuestions[0]?.answer(backendAt("10.0.2.2"), false);
  await over;
  const edges = ["external>depot/depot-service:8080", "cart>remote-depot/depot-service:8080"];
  assert.deepEqual([...rig.series("closed").keys()].sort(), edges.sort());
});

test("FlowCounter.finish() gives up waiting; what still waits then is counted by what is known", async () => {
  const rig = new FlowRig({ origins: true });
  rig.count("none", serverHalf({ remote: "192.168.0.2" }));
  await rig.counter.finish(1);
  assert.equal(rig.total("closed"), 0);
  rig.counter.settle();
  assert.deepEqual([...rig.series("closed")], [["unknown>depot:8080", 1]]);
});

test("FlowCounter asks no other node about what this one has translated, or whose address is no other node's", async () => {
  assert.deepEqual((await atOtherNode(REMOTE_BACKEND)).nodePortQuestions, []);
  const { conntrack, rig } = rigWith([40_001, "10.96.0.1:80"]);
  rig.count("none", clientHalf(SERVICE));
  await conntrack.answer();
  assert.deepEqual(rig.nodePortQuestions, []);
});

test("FlowCounter asks another node which backend did not answer, and waits for it", async () => {
  const half = clientHalf({ ...timedOut, ...OTHER_NODE });
  const rig = await atOtherNode(UNTRANSLATED, undefined, half);
  rig.count("changed");
  rig.count("changed");
  rig.count("changed");
  assert.equal(rig.total("failed"), 0);
  rig.nodePortQuestions[0]?.answer(backendAt("10.0.2.2"), false);
  assert.deepEqual([...rig.series("failed")], [["cart>remote-depot/depot-service:8080 timeout", 1]]);
});
