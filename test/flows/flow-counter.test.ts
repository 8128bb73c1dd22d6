import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import type { FailureReason } from "../../src/flows/connection-event.ts";
import { address } from "../identity/address.ts";
import { clientHalf, FlowRig, serverHalf } from "./flow-rig.ts";
import { batchOf, type TcpRecord } from "./tcp-record.ts";

const { ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH } = constants.errno;
const SYN_SENT = 2;
const EDGE = "cart>depot:8080";

/** One connection between cart and depot, counted once, with what each end has for itself. */
function assertCountedOnce(rig: FlowRig, edge = EDGE): void {
  assert.deepEqual(Object.fromEntries(rig.series("io")), { [`${edge} request`]: 100, [`${edge} response`]: 200 });
  assert.deepEqual(Object.fromEntries(rig.series("packets")), { [`${edge} request`]: 5, [`${edge} response`]: 4 });
  assert.deepEqual(Object.fromEntries(rig.series("opened")), { [edge]: 1 });
  assert.deepEqual(Object.fromEntries(rig.series("closed")), { [edge]: 1 });
  assert.deepEqual(Object.fromEntries(rig.series("connectDuration")), { [edge]: 1 });
  assert.deepEqual(Object.fromEntries(rig.series("connectionDuration")), { [edge]: 1 });
  assert.deepEqual(Object.fromEntries(rig.series("rtt")), { [`${edge} client`]: 1, [`${edge} server`]: 1 });
  assert.equal(rig.total("active"), 0);
  assert.equal(rig.total("failed"), 0);
  assert.equal(rig.counter.waiting, 0);
  assert.equal(rig.counter.settledAlone, 0);
  assert.equal(rig.counter.liveConnections, 0);
}

for (const [order, halves] of [
  ["client, then server", [clientHalf(), serverHalf()]],
  ["server, then client", [serverHalf(), clientHalf()]],
] as const) {
  test(`FlowCounter.count() counts two halves of one batch once: ${order}`, () => {
    const rig = new FlowRig();
    rig.count("none", ...halves);
    assertCountedOnce(rig);
  });

  test(`FlowCounter.count() counts two halves of different sweeps once: ${order}`, () => {
    const rig = new FlowRig();
    rig.count("none", halves[0]);
    assert.equal(rig.counter.waiting, 1);
    assert.equal(rig.total("opened"), 0, "nothing is counted while it waits");
    rig.count("changed");
    rig.count("changed", halves[1]);
    assertCountedOnce(rig);
  });

  test(`FlowCounter.count() counts two live halves once, and only what is new each time: ${order}`, () => {
    const rig = new FlowRig();
    const live = halves.map((half): TcpRecord => {
      const { sentBytes = 0, receivedBytes = 0 } = half;
      return {
        ...half,
        kind: "live",
        sentBytes: sentBytes / 4,
        receivedBytes: receivedBytes / 4,
        sentSegments: 2,
        receivedSegments: 1,
        srttUs: 0,
      };
    });
    rig.count("changed", ...live);
    assert.equal(rig.total("active"), 1);
    assert.equal(rig.total("opened"), 1);
    assert.equal(rig.total("io", "request"), 25);
    assert.equal(rig.total("io", "response"), 50);
    assert.equal(rig.total("packets"), 3);
    rig.count("all", ...live);
    assert.equal(rig.total("io"), 75, "nothing twice");
    rig.count("changed", ...live, ...halves);
    assertCountedOnce(rig);
  });
}

test("FlowCounter.count() takes the bytes from the client's half where the two differ", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf(), serverHalf({ sentBytes: 999, receivedBytes: 999 }));
  assertCountedOnce(rig);
});

test("FlowCounter.count() settles a client's half alone after two sweeps", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf());
  rig.count("changed");
  rig.count("none");
  assert.equal(rig.counter.waiting, 1);
  rig.count("changed");
  assert.deepEqual(Object.fromEntries(rig.series("opened")), { [EDGE]: 1 });
  assert.deepEqual(Object.fromEntries(rig.series("io")), { [`${EDGE} request`]: 100, [`${EDGE} response`]: 200 });
  assert.equal(rig.counter.settledAlone, 1);
});

test("FlowCounter.count() settles a server's half alone: what it received is the request", () => {
  const rig = new FlowRig();
  rig.count("changed", serverHalf({ remote: "203.0.113.9", sentBytes: 7, receivedBytes: 3 }));
  rig.count("changed");
  const edge = "external>depot:8080";
  assert.deepEqual(Object.fromEntries(rig.series("io")), { [`${edge} request`]: 3, [`${edge} response`]: 7 });
  assert.deepEqual(Object.fromEntries(rig.series("opened")), { [edge]: 1 });
  assert.equal(rig.total("connectDuration"), 0, "only the client saw connect()");
});

test("FlowCounter.count() does not let a client wait whose server cannot be here", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf({ remote: "203.0.113.9", remotePort: 443 }));
  assert.equal(rig.counter.waiting, 0);
  assert.deepEqual(Object.fromEntries(rig.series("opened")), { "cart>external:443": 1 });
});

test("FlowCounter.settle() counts what still waits", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf(), serverHalf({ id: 12_289, remoteIsn: 5, remote: "203.0.113.9" }));
  rig.counter.settle();
  assert.equal(rig.counter.waiting, 0);
  assert.deepEqual(Object.fromEntries(rig.series("closed")), { [EDGE]: 1, "external>depot:8080": 1 });
});

test("FlowCounter.count() pairs halves whose addresses a NAT between them changed", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf({ remote: "192.168.0.1", remotePort: 30_080 }));
  rig.count("none", serverHalf({ remote: "192.168.0.1", remotePort: 61_234 }));
  assertCountedOnce(rig);
});

test("FlowCounter.count() does not pair halves whose sequence numbers differ", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf(), serverHalf({ remoteIsn: 1001 }));
  assert.equal(rig.counter.waiting, 2);
});

test("FlowCounter.count() gives a Service's edge the backend and port that the server's half shows", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf({ remote: "10.96.0.1", remotePort: 80 }), serverHalf());
  assertCountedOnce(rig, "cart>depot/depot-service:8080");
});

test("FlowCounter.count() counts a Service without a known backend by the port that was addressed", () => {
  const rig = new FlowRig();
  rig.count("changed", clientHalf({ remote: "10.96.0.1", remotePort: 80 }));
  rig.count("changed");
  assert.deepEqual([...rig.series("opened").keys()], ["cart>unknown/depot-service:80"]);
});

test("FlowCounter.count() takes the latest record of a half that waits", () => {
  const rig = new FlowRig();
  rig.count(
    "none",
    clientHalf({ kind: "live", sentBytes: 10, receivedBytes: 20, sentSegments: 2, receivedSegments: 1 }),
  );
  rig.count(
    "none",
    clientHalf({ kind: "live", sentBytes: 60, receivedBytes: 20, sentSegments: 4, receivedSegments: 1 }),
  );
  rig.count("none", clientHalf());
  assert.equal(rig.total("io"), 0);
  rig.count("none", serverHalf());
  assertCountedOnce(rig);
});

test("FlowCounter.count() takes a sweep's records before those of the ring, though both are of one moment", () => {
  const rig = new FlowRig();
  rig.count(
    "changed",
    clientHalf({ kind: "live", sentBytes: 90, receivedBytes: 190, sentSegments: 4, receivedSegments: 3, srttUs: 0 }),
    serverHalf({ kind: "live", sentBytes: 190, receivedBytes: 90, sentSegments: 3, receivedSegments: 4, srttUs: 0 }),
    serverHalf(),
    clientHalf(),
  );
  assertCountedOnce(rig);
});

test("FlowCounter.count() does not count a server again that turns up after its client settled alone", () => {
  for (const client of [clientHalf(), clientHalf({ remote: "203.0.113.9" })]) {
    const rig = new FlowRig();
    rig.count("changed", client);
    rig.count("changed");
    rig.count("none", serverHalf({ retransmittedSegments: 3 }));
    assert.equal(rig.total("opened"), 1);
    assert.equal(rig.total("io"), 300);
    assert.equal(rig.series("opened").size, 1);
    assert.equal(rig.total("retransmits", "server"), 3, "what the server has for itself is counted");
    assert.equal(rig.counter.waiting, 0);
  }
});

test("FlowCounter.count() does not use the index of an edge that was forgotten since", () => {
  const rig = new FlowRig({ idleExpiryMs: 1000 });
  rig.count("changed", clientHalf({ remote: "203.0.113.9" }));
  rig.nowMs += 2000;
  rig.counter.tidy();
  assert.equal(rig.edges.size, 0);
  rig.count("none", clientHalf({ id: 4, cgroupId: 2, remote: "203.0.113.9", localIsn: 77, remotePort: 443 }));
  rig.count("none", serverHalf({ retransmittedSegments: 3 }));
  assert.deepEqual(Object.fromEntries(rig.series("retransmits")), { "cart>depot:8080 server": 3 });
});

test("FlowCounter.count() waits no longer where all places are taken, and counts how often", () => {
  const rig = new FlowRig();
  const { waitingCapacity } = rig.counter;
  const clients = Array.from({ length: waitingCapacity + 10 }, (_, number) =>
    clientHalf({ id: 5000 + number, localIsn: number + 1 }),
  );
  rig.count("none", ...clients);
  assert.equal(rig.counter.waiting, waitingCapacity);
  assert.equal(rig.counter.waitRefused, 10);
  assert.equal(rig.total("opened"), 10);
  rig.counter.settle();
  assert.equal(rig.total("opened"), waitingCapacity + 10);
  assert.equal(rig.total("io"), 300 * (waitingCapacity + 10));
});

test("FlowCounter.count() counts beyond the budget of edges on the overflow edge", () => {
  const rig = new FlowRig({ maxEdges: 1 });
  rig.count("none", clientHalf(), serverHalf());
  rig.count(
    "none",
    clientHalf({ id: 1, localIsn: 9, remotePort: 81 }),
    serverHalf({ id: 2, remoteIsn: 9, localPort: 81 }),
  );
  rig.count("changed", clientHalf({ id: 3, kind: "live", remote: "203.0.113.9" }));
  assert.deepEqual(Object.fromEntries(rig.series("opened")), { [EDGE]: 1, "overflow>overflow:": 2 });
  assert.equal(rig.total("io"), 900);
  assert.equal(rig.total("active"), 1);
  rig.count("none", clientHalf({ id: 3, remote: "203.0.113.9" }));
  assert.equal(rig.total("active"), 0);
  assert.equal(rig.total("io"), 900);
});

test("FlowCounter.count() keeps an edge while a connection is live on it, and no longer", () => {
  const rig = new FlowRig({ idleExpiryMs: 1000 });
  const live = clientHalf({ kind: "live", remote: "203.0.113.9" });
  rig.count("changed", live);
  rig.nowMs += 10_000;
  rig.counter.tidy();
  assert.equal(rig.edges.size, 1);
  rig.count("none", { ...live, kind: "closed" });
  rig.nowMs += 10_000;
  rig.counter.tidy();
  assert.equal(rig.edges.size, 0);
});

test("FlowCounter.count() follows 32-bit segment counters over their end", () => {
  const rig = new FlowRig();
  const live = clientHalf({ kind: "live", remote: "203.0.113.9", receivedSegments: 10 });
  for (const sentSegments of [0x70000000, 0xe0000000, 5]) rig.count("changed", { ...live, sentSegments });
  assert.equal(rig.total("packets", "request"), 2 ** 32 + 5);
});

// ---- older than the agent ----

const LISTENER = serverHalf({
  kind: "listen",
  pid: 7,
  comm: "depot",
  local: "0.0.0.0",
  remote: "0.0.0.0",
  remotePort: 0,
});
/** The kernel's side does not know the role: of a client's bytes the SYN is not taken off, nor added to its number. */
const olderClient = (changes: Partial<TcpRecord> = {}) =>
  clientHalf({ side: "unknown", flags: ["older"], localIsn: 999, sentBytes: 5_001, receivedBytes: 7_000, ...changes });
const olderServer = (changes: Partial<TcpRecord> = {}) =>
  serverHalf({ side: "unknown", flags: ["older"], sentBytes: 7_000, receivedBytes: 5_000, ...changes });

test("FlowCounter.countSurvey() takes roles from listeners and counts older connections from where they are", () => {
  const rig = new FlowRig();
  rig.counter.countSurvey(batchOf(olderServer({ kind: "found" }), olderClient({ kind: "found" }), LISTENER));
  assert.deepEqual(Object.fromEntries(rig.series("active")), { [EDGE]: 1 });
  assert.equal(rig.total("io"), 0);
  assert.equal(rig.total("packets"), 0);
  const grown = { sentSegments: 8, receivedSegments: 9 };
  rig.count(
    "changed",
    olderClient({ kind: "live", sentBytes: 5_011, ...grown }),
    olderServer({ kind: "live", receivedBytes: 5_010 }),
  );
  assert.deepEqual(Object.fromEntries(rig.series("io")), { [`${EDGE} request`]: 10 });
  assert.equal(rig.total("packets"), 8);
  rig.count("none", olderServer(), olderClient({ sentBytes: 5_011, receivedBytes: 7_100, ...grown }));
  assert.deepEqual(Object.fromEntries(rig.series("io")), { [`${EDGE} request`]: 10, [`${EDGE} response`]: 100 });
  assert.equal(rig.total("opened"), 0, "before the agent");
  assert.equal(rig.total("closed"), 1);
  assert.equal(rig.total("active"), 0);
  assert.equal(rig.total("connectionDuration"), 0, "nobody knows when it began");
});

test("FlowCounter.count() does not count the end of an older connection that it was never told of", () => {
  const rig = new FlowRig();
  rig.count("none", olderClient({ remote: "203.0.113.9" }));
  assert.equal(rig.total("io"), 0);
  assert.equal(rig.total("opened"), 0);
  assert.equal(rig.counter.unbornSkipped, 1);
});

test("FlowCounter.count() counts as many ends without a birth right after the start as births may have been missed", () => {
  const rig = new FlowRig();
  rig.nowMs = 1_000;
  rig.skippedRuns = 2;
  for (let id = 1; id <= 3; id++) {
    const isns = { localIsn: 10 * id, remoteIsn: 10 * id + 1 };
    const unborn = { side: "unknown", flags: ["unborn"], bornNs: 0, establishedNs: 0, remote: "203.0.113.9" } as const;
    rig.count("none", clientHalf({ ...unborn, ...isns, id, sentBytes: 101 }));
  }
  assert.equal(rig.total("opened"), 2);
  assert.equal(rig.total("io", "request"), 200);
  assert.equal(rig.counter.unbornSkipped, 1);
});

test("FlowCounter.count() skips ends without a birth that come right after the start, and counts them later", () => {
  const unborn = clientHalf({
    side: "unknown",
    flags: ["unborn"],
    bornNs: 0,
    establishedNs: 0,
    localIsn: 999,
    sentBytes: 101,
    remote: "203.0.113.9",
  });
  const rig = new FlowRig();
  rig.nowMs = 59_999;
  rig.count("none", unborn);
  assert.equal(rig.counter.unbornSkipped, 1);
  assert.equal(rig.total("opened") + rig.total("io"), 0);
  rig.nowMs = 60_000;
  rig.count("none", { ...unborn, id: 2 });
  assert.equal(rig.counter.unbornSkipped, 1);
  assert.equal(rig.total("opened"), 1);
  assert.equal(rig.total("closed"), 1);
  assert.equal(rig.total("io", "request"), 100, "the SYN is no byte of the program's");
  assert.equal(rig.total("connectDuration"), 0);
});

test("FlowCounter.count() pairs two halves without a birth", () => {
  const rig = new FlowRig();
  rig.count("none", LISTENER);
  const unborn = { side: "unknown", flags: ["unborn"], bornNs: 0, establishedNs: 0 } as const;
  rig.count("none", clientHalf({ ...unborn, localIsn: 999, sentBytes: 101 }), serverHalf(unborn));
  assert.deepEqual(Object.fromEntries(rig.series("io")), { [`${EDGE} request`]: 100, [`${EDGE} response`]: 200 });
  assert.equal(rig.total("opened"), 1);
});

test("FlowCounter.count() counts a connection as established whose establishment the kernel's side missed", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf({ establishedNs: 0 }), serverHalf());
  assert.equal(rig.total("opened"), 1);
  assert.equal(rig.total("closed"), 1);
  assert.equal(rig.total("failed"), 0);
  assert.equal(rig.total("io"), 300);
});

// ---- ends that were not seen ----

test("FlowCounter.count() ends a connection that vanished with the totals it was last seen with", () => {
  const rig = new FlowRig();
  const live = clientHalf({ kind: "live", remote: "203.0.113.9" });
  rig.count("changed", live);
  rig.count("all", { ...live, kind: "vanished", sentBytes: 0, receivedBytes: 0, sentSegments: 0, receivedSegments: 0 });
  assert.equal(rig.total("io"), 300);
  assert.equal(rig.total("packets"), 9);
  assert.equal(rig.total("closed"), 1);
  assert.equal(rig.total("active"), 0);
  assert.equal(rig.total("failed"), 0);
  assert.equal(rig.counter.liveConnections, 0);
});

test("FlowCounter.count() loses no traffic of a half that vanished while it waited", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf({ kind: "live" }));
  rig.count(
    "none",
    clientHalf({ kind: "vanished", sentBytes: 0, receivedBytes: 0, sentSegments: 0, receivedSegments: 0 }),
  );
  assert.equal(rig.total("io"), 300);
  assert.equal(rig.total("opened"), 1);
  assert.equal(rig.total("closed"), 1);
  assert.equal(rig.total("active"), 0);
  rig.count("none", serverHalf());
  assert.equal(rig.total("opened"), 1);
  assert.equal(rig.counter.waiting, 0);
});

test("FlowCounter.count() ends live connections that two full sweeps did not show", () => {
  const rig = new FlowRig();
  const live = clientHalf({ kind: "live", remote: "203.0.113.9" });
  rig.count("all", live);
  rig.count("all");
  assert.equal(rig.total("active"), 1);
  rig.count("changed");
  assert.equal(rig.total("active"), 1);
  rig.count("all");
  assert.equal(rig.total("active"), 0);
  assert.equal(rig.total("closed"), 1);
  assert.equal(rig.counter.liveConnections, 0);
});

// ---- failures ----

const failedClient = { state: SYN_SENT, establishedNs: 0, localIsn: 0, remoteIsn: 0, sentBytes: 0, receivedBytes: 0 };
const failures: readonly [string, readonly TcpRecord[], FailureReason][] = [
  ["refused", [clientHalf({ ...failedClient, error: ECONNREFUSED, reset: "remote" })], "refused"],
  ["timed out", [clientHalf({ ...failedClient, error: ETIMEDOUT, retransmittedSegments: 6 })], "timeout"],
  ["given up after a lost SYN", [clientHalf({ ...failedClient, retransmittedSegments: 1 })], "timeout"],
  ["given up at once", [clientHalf(failedClient)], "other"],
  ["unreachable", [clientHalf({ ...failedClient, error: EHOSTUNREACH })], "unreachable"],
];
for (const [what, records, reason] of failures) {
  test(`FlowCounter.count() counts a connect() that was ${what} once, as ${reason}, and does not let it wait`, () => {
    const rig = new FlowRig();
    rig.count("none", ...records);
    assert.deepEqual(Object.fromEntries(rig.series("failed")), { [`${EDGE} ${reason}`]: 1 });
    assert.equal(rig.total("opened") + rig.total("closed") + rig.total("io"), 0);
    assert.equal(rig.total("packets"), 9, "SYNs are packets");
    assert.deepEqual(
      rig.events.map(({ failure, observer, establishedUnixMs }) => ({ failure, observer, establishedUnixMs })),
      [{ failure: reason, observer: "client", establishedUnixMs: undefined }],
    );
  });
}

test("FlowCounter.count() counts a server's reset once, as the client saw it", () => {
  const rig = new FlowRig();
  rig.count(
    "none",
    serverHalf({ reset: "local", state: 1 }),
    clientHalf({ error: ECONNRESET, reset: "remote", state: 1 }),
  );
  assert.deepEqual(Object.fromEntries(rig.series("failed")), { [`${EDGE} reset`]: 1 });
  assert.equal(rig.total("opened"), 1);
  assert.equal(rig.total("closed"), 1);
  assert.equal(rig.events.length, 1);
});

test("FlowCounter.count() counts a server's reset by the server where the client is elsewhere", () => {
  const rig = new FlowRig();
  rig.count("changed", serverHalf({ reset: "local", state: 1, remote: "203.0.113.9" }));
  rig.count("changed");
  assert.deepEqual(Object.fromEntries(rig.series("failed")), { "external>depot:8080 reset": 1 });
  assert.equal(rig.events[0]?.observer, "server");
});

test("FlowCounter.count() does not call a client's reset a failure", () => {
  const rig = new FlowRig();
  rig.count(
    "none",
    clientHalf({ reset: "local", state: 1 }),
    serverHalf({ error: ECONNRESET, reset: "remote", state: 1 }),
  );
  assert.equal(rig.total("failed"), 0);
  assert.equal(rig.events.length, 0);
});

test("FlowCounter tells of every connection that ended where that is asked for, in moments since the epoch", () => {
  const rig = new FlowRig({ allConnections: true });
  rig.count("none", clientHalf({ remote: "10.96.0.1", remotePort: 80 }), serverHalf());
  assert.deepEqual(rig.events, [
    {
      observer: "client",
      client: { kind: "Deployment", namespace: "shop", workload: "cart" },
      server: { kind: "Deployment", namespace: "shop", workload: "depot" },
      service: { namespace: "shop", name: "depot-service" },
      ownPod: undefined,
      clientAddress: "10.0.0.1",
      clientPort: 40_001,
      serverAddress: "10.96.0.1",
      serverPort: 80,
      startUnixMs: 1e12 + 110_000,
      establishedUnixMs: 1e12 + 110_002,
      endUnixMs: 1e12 + 111_000,
      failure: undefined,
      requestBytes: 100,
      responseBytes: 200,
      retransmits: 0,
      pid: 500,
      comm: "curl",
      clientIsn: 1000,
      serverIsn: 0xfffffffe,
    },
  ]);
});

test("FlowCounter takes a server's process from its listener in what it tells", () => {
  const rig = new FlowRig({ allConnections: true });
  rig.count("changed", LISTENER, serverHalf({ remote: "203.0.113.9" }));
  rig.count("changed");
  const [event] = rig.events;
  assert.equal(event?.comm, "depot");
  assert.equal(event?.pid, 7);
  assert.equal(event?.clientAddress, "203.0.113.9");
  assert.equal(event?.requestBytes, 100);
});

for (const kind of ["live", "closed"] as const) {
  test(`FlowCounter.count() leaves a ${kind} connection to the agent of its client's node`, () => {
    const rig = new FlowRig();
    const half = serverHalf({ kind, remote: "10.0.1.1", retransmittedSegments: 3 });
    rig.count("changed", half);
    assert.equal(rig.counter.waiting, 0, "there is nothing to wait for");
    assert.equal(rig.counter.leftToPeers, 1);
    if (kind === "live") rig.count("changed", { ...half, kind: "closed" });
    for (const metric of ["io", "packets", "opened", "closed", "active", "connectionDuration", "failed"] as const) {
      assert.deepEqual(Object.fromEntries(rig.series(metric)), {}, metric);
    }
    const edge = "remote-cart>depot:8080 server";
    assert.deepEqual(Object.fromEntries(rig.series("retransmits")), { [edge]: 3 }, "what is the server's own is kept");
    assert.deepEqual([...rig.series("rtt").keys()], [edge]);
  });
}

test("FlowCounter.count() counts a client here although its address is said to be another agent's", () => {
  const rig = new FlowRig();
  rig.count("none", clientHalf({ local: "10.0.1.1" }), serverHalf({ remote: "10.0.1.1" }));
  assertCountedOnce(rig);
  assert.equal(rig.counter.leftToPeers, 0);
});

/** A server's half that comes from another node, and has waited in vain for its client's. */
function forwarded(options: { remote?: string; origins?: boolean } = {}): FlowRig {
  const rig = new FlowRig({ origins: options.origins ?? true });
  rig.count("none", serverHalf({ remote: options.remote ?? "192.168.0.2" }));
  rig.count("changed");
  assert.deepEqual(rig.questions, [], "its other half may still come");
  rig.count("changed");
  return rig;
}

test("FlowCounter asks for whom a node forwards, and counts a client that no agent sees, with the Service it used", () => {
  const rig = forwarded();
  const [question] = rig.questions;
  assert.deepEqual(question?.connection, {
    server: address("10.0.0.2"),
    serverPort: 8080,
    from: address("192.168.0.2"),
    fromPort: 40_001,
  });
  assert.equal(rig.total("opened"), 0, "the answer may take a moment");
  assert.equal(rig.counter.wantsSweep, false, "which no sweep can give");
  question?.answer({ client: address("203.0.113.9"), address: address("10.96.0.1"), port: 80 }, false);
  assert.deepEqual(Object.fromEntries(rig.series("opened")), { "external>depot/depot-service:8080": 1 });
  assert.equal(rig.total("io", "request"), 100);
  assert.equal(rig.counter.leftToPeers, 0);
  assert.equal(rig.counter.waiting, 0);
});

test("FlowCounter leaves a client to the other node's agent that the node itself is, or that another agent sees", () => {
  const own = { client: address("192.168.0.2"), address: address("10.96.0.1"), port: 80 };
  const pod = { ...own, client: address("10.0.1.1") };
  for (const origin of [undefined, own, pod]) {
    const rig = forwarded();
    rig.questions[0]?.answer(origin, false);
    assert.equal(rig.total("opened"), 0);
    const rtt = origin === pod ? ["remote-cart>depot/depot-service:8080 server"] : [];
    assert.deepEqual([...rig.series("rtt").keys()], rtt, "no edge from a node that may be a pod's");
    assert.equal(rig.counter.leftToPeers, 1);
    assert.equal(rig.counter.waiting, 0);
  }
});

test("FlowCounter counts a client as Unknown where the node that may be it does not answer, or cannot be asked", () => {
  const unanswered = forwarded();
  unanswered.questions[0]?.answer(undefined, true);
  const ended = forwarded();
  ended.counter.settle();
  ended.questions[0]?.answer(undefined, true);
  const unasked = forwarded({ origins: false });
  for (const rig of [unanswered, ended, unasked]) {
    assert.deepEqual(Object.fromEntries(rig.series("opened")), { "unknown>depot:8080": 1 });
    assert.equal(rig.counter.leftToPeers, 0);
    assert.equal(rig.counter.waiting, 0);
  }
});

test("FlowCounter learns which Service an external client used, whom nobody has forwarded", () => {
  const rig = forwarded({ remote: "203.0.113.9" });
  rig.questions[0]?.answer({ client: address("203.0.113.9"), address: address("10.96.0.1"), port: 80 }, false);
  assert.deepEqual(Object.fromEntries(rig.series("closed")), { "external>depot/depot-service:8080": 1 });
  const direct = forwarded({ remote: "203.0.113.9" });
  direct.questions[0]?.answer(undefined, false);
  assert.deepEqual(Object.fromEntries(direct.series("closed")), { "external>depot:8080": 1 });
});

test("FlowCounter forgets a question whose connection's other half came, whoever waits in its place", () => {
  const rig = forwarded();
  rig.count("none", clientHalf());
  assert.deepEqual(Object.fromEntries(rig.series("opened")), { [EDGE]: 1 });
  rig.count("none", serverHalf({ id: 9001, localIsn: 77, remoteIsn: 78, remote: "192.168.0.2" }));
  rig.questions[0]?.answer(undefined, false);
  assert.equal(rig.counter.waiting, 1, "another one in the same place");
  assert.equal(rig.counter.leftToPeers, 0);
});
