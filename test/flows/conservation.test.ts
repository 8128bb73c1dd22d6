import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sweep } from "../../src/kernel/addon.ts";
import { clientHalf, FlowRig, serverHalf } from "./flow-rig.ts";
import { randomFrom } from "./random.ts";
import { batchOf, type TcpRecord } from "./tcp-record.ts";

const CONNECTIONS = 20_000;
const BATCHES = 60;
const LISTENER = serverHalf({ kind: "listen", local: "0.0.0.0", remote: "0.0.0.0", remotePort: 0 });

/** Which sockets of a connection are on this host, and how the client addressed the server. */
const KINDS = ["direct", "service", "nat", "client only", "server only", "older"] as const;

interface Half {
  /** As the kernel would tell it at its end. */
  readonly closed: TcpRecord;
  /** In which batch it ends; BATCHES where it does not. */
  readonly end: number;
  /** What the last sweep showed. */
  shown: number;
}

interface Connection {
  readonly edge: string;
  readonly start: number;
  readonly older: boolean;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** What an older connection had carried when it was found. */
  readonly baseline: number;
  readonly halves: readonly Half[];
}

/** A connection whose records the kernel would make, at random; the sums are what it carried. */
function connectionOf(number: number, random: (limit: number) => number): Connection {
  const kind = KINDS[random(KINDS.length)] as (typeof KINDS)[number];
  const older = kind === "older";
  const start = older ? -1 : random(BATCHES);
  // most are short; of one in four the two ends go at different times
  const end = Math.min(BATCHES, Math.max(0, start) + (random(3) === 0 ? random(BATCHES) : random(2)));
  const otherEnd = random(4) === 0 ? Math.min(BATCHES, end + random(12)) : end;
  const port = 8080 + random(20);
  const baseline = older ? 1000 + random(1000) : 0;
  const requestBytes = random(1_000_000);
  const responseBytes = random(50) === 0 ? random(2 ** 40) : random(5000);
  const isn = { localIsn: random(2 ** 32), remoteIsn: random(2 ** 32) };
  const birth = older ? ({ side: "unknown", flags: ["older"] } as const) : {};
  const client = clientHalf({
    ...birth,
    id: number * 8192 + 4096,
    localIsn: older ? (isn.localIsn - 1) >>> 0 : isn.localIsn,
    remoteIsn: isn.remoteIsn,
    localPort: 40_000,
    remotePort: kind === "service" ? 80 : kind === "nat" ? 30_080 : port,
    remote:
      kind === "service"
        ? "10.96.0.1"
        : kind === "nat"
          ? "192.168.0.1"
          : kind === "client only"
            ? "203.0.113.9"
            : "10.0.0.2",
    sentBytes: baseline + requestBytes + (older ? 1 : 0),
    receivedBytes: baseline + responseBytes,
  });
  const server = serverHalf({
    ...birth,
    id: number * 8192 + 8192,
    localIsn: isn.remoteIsn,
    remoteIsn: isn.localIsn,
    localPort: port,
    remotePort: kind === "nat" ? 61_000 : 40_000,
    remote: kind === "server only" ? "203.0.113.9" : kind === "nat" ? "192.168.0.1" : "10.0.0.1",
    sentBytes: baseline + responseBytes,
    receivedBytes: baseline + requestBytes,
  });
  const halves: Half[] = [];
  if (kind !== "server only") halves.push({ closed: client, end, shown: -1 });
  if (kind !== "client only") halves.push({ closed: server, end: otherEnd, shown: -1 });
  const client_ = kind === "server only" ? "external" : "cart";
  const server_ = kind === "client only" ? "external" : "depot";
  const edge = `${client_}>${server_}${kind === "service" ? "/depot-service" : ""}:${port}`;
  return { edge, start, older, requestBytes, responseBytes, baseline, halves };
}

/** Of its bytes beyond the baseline, `share` of 16 parts. */
function partOf(closed: TcpRecord, kind: "live" | "found", share: number, baseline: number): TcpRecord {
  const part = (total = 0, extra = 0) => extra + baseline + Math.floor(((total - baseline - extra) * share) / 16);
  const syn = closed.side === "unknown" && closed.remotePort !== 40_000 ? 1 : 0;
  return { ...closed, kind, sentBytes: part(closed.sentBytes, syn), receivedBytes: part(closed.receivedBytes) };
}

function shuffle<T>(items: T[], random: (limit: number) => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random(last + 1);
    [items[last], items[other]] = [items[other] as T, items[last] as T];
  }
  return items;
}

/** What one collection brings. In the last one, all that is live has carried all that it ever will. */
function recordsOf(connections: Connection[], batch: number, sweep: Sweep, random: (limit: number) => number) {
  const last = batch === BATCHES;
  const swept: TcpRecord[] = [];
  const ended: TcpRecord[] = [];
  for (const { start, halves, baseline } of connections) {
    if (start > batch) continue;
    for (const half of halves) {
      if (half.end < batch) continue;
      // whether the sweep came before this moment of a connection that begins or ends now
      const there = (start < batch || random(2) === 0) && (half.end > batch || random(2) === 0);
      if (sweep !== "none" && (there || last)) {
        const share = last ? 16 : Math.max(half.shown, random(17));
        if (share !== half.shown || sweep === "all") swept.push(partOf(half.closed, "live", share, baseline));
        half.shown = share;
      }
      if (half.end === batch && !last) ended.push(half.closed);
    }
  }
  return { swept, ended };
}

for (const seed of [1, 2, 3]) {
  test(`FlowCounter counts ${CONNECTIONS} connections in random order exactly, each once (seed ${seed})`, () => {
    const random = randomFrom(seed);
    const rig = new FlowRig({ maxEdges: 1000 });
    const connections = Array.from({ length: CONNECTIONS }, (_, number) => connectionOf(number, random));
    const found = connections
      .filter(({ older }) => older)
      .flatMap(({ halves, baseline }) => halves.map(({ closed }) => partOf(closed, "found", 0, baseline)));
    rig.counter.countSurvey(batchOf(...shuffle(found, random), LISTENER));

    for (let batch = 0; batch <= BATCHES; batch++) {
      const sweep = batch === BATCHES || batch % 12 === 11 ? "all" : batch % 3 === 2 ? "changed" : "none";
      const { swept, ended } = recordsOf(connections, batch, sweep, random);
      rig.nowMs += 400;
      rig.count(sweep, ...shuffle(swept, random), ...shuffle(ended, random));
    }
    rig.counter.settle();

    const truth = { opened: new Map(), closed: new Map(), active: new Map(), io: new Map<string, number>() };
    const add = (counts: Map<string, number>, key: string, amount: number) => {
      if (amount > 0) counts.set(key, (counts.get(key) ?? 0) + amount);
    };
    for (const { edge, older, requestBytes, responseBytes, halves } of connections) {
      const ended = (halves[0] as Half).end < BATCHES;
      if (!older) add(truth.opened, edge, 1);
      add(ended ? truth.closed : truth.active, edge, 1);
      add(truth.io, `${edge} request`, requestBytes);
      add(truth.io, `${edge} response`, responseBytes);
    }
    const sorted = (counts: Map<string, number>) => Object.fromEntries([...counts].sort());
    for (const metric of ["opened", "closed", "active", "io"] as const) {
      assert.deepEqual(sorted(rig.series(metric)), sorted(truth[metric]), metric);
    }
    assert.equal(rig.counter.waiting, 0);
    assert.equal(rig.counter.waitRefused, 0);
    assert.equal(rig.edges.overflowed, 0);
    const live = connections.flatMap(({ halves }) => halves.filter(({ end }) => end === BATCHES));
    assert.equal(rig.counter.liveConnections, live.length);
  });
}
