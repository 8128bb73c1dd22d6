import { constants } from "node:os";
import type { Endpoint, Identity, RemoteAnswer } from "../identity/endpoint.ts";
import type { Origin, OriginFinder } from "../identity/forwarded-connection.ts";
import type { NodePortFinder } from "../identity/node-port-connection.ts";
import type { Sweep, TcpLayout } from "../kernel/addon.ts";
import type { TcpRecords } from "../kernel/tcp-records.ts";
import { Attribution, localAddress, remoteAddress } from "./attribution.ts";
import { BackendFinder, type BackendPlaces, type BackendSource } from "./backend-finder.ts";
import type { ConnectionEvent } from "./connection-event.ts";
import { ConnectionTeller } from "./connection-teller.ts";
import { type EdgeTable, HIDDEN_EDGE } from "./edge-table.ts";
import { EdgeTally } from "./edge-tally.ts";
import { HalfReading } from "./half-reading.ts";
import { HeldRecords } from "./held-records.ts";
import { Listeners } from "./listeners.ts";
import { ID_WORDS } from "./live-connections.ts";
import { SeenHalves } from "./seen-halves.ts";
import { ISN_WORDS, WaitingHalves } from "./waiting-halves.ts";
import { type ClockSource, WallClock } from "./wall-clock.ts";

const { ECONNREFUSED } = constants.errno;
/** Halves that wait at once: beyond, a half is counted by what it knows itself. 160 bytes each, once they are used. */
const MAX_WAITING = 32_768;
/** Connections to Services that failed, and wait to hear which backend it was that failed them. */
const MAX_FAILING = 1_024;
/** Records that wait at once for the owner of their socket to be known: beyond, they are counted as Unknown's. 160 bytes each, once they are used. */
const MAX_HELD = 16_384;
/** Between looks at those whose wait may have ended by the time alone. */
const REPLAY_MS = 500;
/** In place of an edge: the owner of the socket, or who is at its other end, is about to be known. */
const PENDING = -1;
/** Connections without a birth that end so soon after the start are older than the agent. */
const UNBORN_GRACE_MS = 60_000;
/** A live connection that this many full sweeps did not show is gone. */
const UNSEEN_SWEEPS = 2;

/** What may forward the connections of others: nodes, and what is outside, whose Service only the forwarding node knows. */
const FORWARDERS: ReadonlySet<string> = new Set(["Node", "External", "Unknown"]);

/** Behind a Service, when nobody can say which backend answered. */
const NO_BACKEND: Endpoint = { kind: "Unknown", namespace: "", workload: "unknown" };

export interface FlowCounterOptions {
  readonly layout: TcpLayout;
  readonly identity: Identity;
  readonly edges: EdgeTable;
  /** Asked about clients that may have been forwarded. */
  readonly origins?: OriginFinder;
  /** Given connections that failed, and with `allConnections` every one that ended. */
  readonly onConnection?: (event: ConnectionEvent) => void;
  readonly allConnections: boolean;
  /** Runs of the kernel's programs that were skipped so far: as many births may have been missed. */
  readonly skippedRuns: () => number;
  readonly clock: ClockSource;
  /** Tells which backend answered for a Service where its socket is not on this host; without it that is not known. */
  readonly conntrack?: BackendSource | undefined;
  /** Asked, after that, about connections to ports of other nodes. */
  readonly nodePorts?: NodePortFinder;
  /** Told of what goes wrong while it is asked. Counting goes on. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Counts the kernel's records into edges, each connection once.
 *
 * A connection between two sockets of this host comes as two halves. The client's is counted: it knows the Service, the failure
 * and the connect latency. The server's half says which backend answered. The two know each other by their initial sequence
 * numbers, which are the same at both ends through any NAT. A half that cannot tell alone waits for the other, for no
 * longer than it takes to sweep the live connections twice. A client on another node with an agent is counted there.
 */
export class FlowCounter {
  readonly #layout: TcpLayout;
  readonly #edges: EdgeTable;
  readonly #clock: WallClock;
  readonly #listeners = new Listeners();
  readonly #reading: HalfReading;
  readonly #attribution: Attribution;
  readonly #tally: EdgeTally;
  readonly #identity: Identity;
  readonly #origins: OriginFinder | undefined;
  readonly #waiting: WaitingHalves;
  /** Connections that were never established, by their id. */
  readonly #failing: WaitingHalves;
  readonly #backends: BackendFinder | undefined;
  readonly #held: HeldRecords;
  readonly #seenClients = new SeenHalves();
  /** Those that found no room to wait. */
  readonly #seenServers = new SeenHalves();
  /** Of the record that is being counted. */
  readonly #id = new Uint32Array(ID_WORDS);
  readonly #isns = new Uint32Array(ISN_WORDS);
  readonly #skippedRuns: () => number;
  readonly #startedUnixMs: number;
  /** No more waiting for anybody: who is not known is Unknown. */
  #isHurried = false;
  /** The record was looked at before. */
  #isAgain = false;
  /** Called when another agent has answered. */
  #onAnswered = () => {};
  #replayedMs = 0;
  #fullSweeps = 0;
  #unbornSkipped = 0;
  /** Soon after the start. */
  #unbornCounted = 0;
  #waitRefused = 0;
  #settledAlone = 0;
  #leftToPeers = 0;
  #holdRefused = 0;

  constructor(options: FlowCounterOptions) {
    const { layout, edges, identity, onConnection, allConnections } = options;
    const listeners = this.#listeners;
    const clock = new WallClock(options.clock);
    const reading = new HalfReading(layout, listeners);
    const teller = new ConnectionTeller({ identity, reading, listeners, clock, onConnection, allConnections });
    this.#identity = identity;
    this.#origins = options.origins;
    this.#layout = layout;
    this.#edges = edges;
    this.#clock = clock;
    this.#reading = reading;
    this.#attribution = new Attribution(identity, listeners);
    this.#tally = new EdgeTally({ layout, edges, reading, teller, clock });
    this.#waiting = new WaitingHalves(layout, MAX_WAITING);
    this.#failing = new WaitingHalves(layout, MAX_FAILING);
    this.#backends = options.conntrack && this.#makeFinder(options.conntrack, options);
    this.#held = new HeldRecords(layout, MAX_HELD);
    this.#skippedRuns = options.skippedRuns;
    this.#startedUnixMs = clock.unixMs;
  }

  /** Live connections that a sweep has shown. */
  get liveConnections(): number {
    return this.#tally.live.size;
  }
  /** Halves waiting for their other half. */
  get waiting(): number {
    return this.#waiting.size;
  }
  readonly waitingCapacity = MAX_WAITING;
  /** Records that wait for the owner of their socket to be known. */
  get held(): number {
    return this.#held.size;
  }
  readonly heldCapacity = MAX_HELD;
  /** Records that found no room for that, and were counted as Unknown's. */
  get holdRefused(): number {
    return this.#holdRefused;
  }
  /** Whether only a sweep can tell where another half is: the batch after its own did not bring it. */
  get wantsSweep(): boolean {
    return this.#waiting.isAnyOlder();
  }
  /** Ends of connections that began before the agent and were not found at its start: not counted. */
  get unbornSkipped(): number {
    return this.#unbornSkipped;
  }
  /** Halves that found no room to wait, and were counted by what they knew. */
  get waitRefused(): number {
    return this.#waitRefused;
  }
  /** Halves whose other half did not show up on this host. */
  get settledAlone(): number {
    return this.#settledAlone;
  }

  /** Connections to servers here that the agent of their client's node counts. */
  get leftToPeers(): number {
    return this.#leftToPeers;
  }

  /** The survey's records: listeners first, because roles of older connections follow from them. */
  countSurvey(records: TcpRecords): void {
    this.#begin(records);
    for (let index = 0; index < records.length; index++) this.#count(records, index);
  }

  /**
   * The records of one collection. `sweep` is what was asked of the kernel for it; `isPart`: it came so soon that the next
   * one, too, may bring the other halves of the batch that it is part of.
   */
  count(records: TcpRecords, sweep: Sweep, isPart = false): void {
    this.#begin(records);
    if (!isPart) this.#waiting.beginBatch();
    if (sweep === "all") this.#fullSweeps++;
    for (let index = 0; index < records.length; index++) this.#count(records, index);
    this.#backends?.ask();
    if (sweep === "none") return;
    this.#waiting.endSweep((place) => this.#settleAlone(place));
    this.#failing.endSweep((place) => this.#settleFailed(place));
    if (sweep === "all") {
      const { live } = this.#tally;
      live.forEachUnseen(this.#fullSweeps - UNSEEN_SWEEPS + 1, (slot) => this.#tally.forget(slot));
    }
  }

  /** Forgets what has been idle for long: to be called about once a minute. */
  tidy(): void {
    this.#clock.refresh();
    this.#seenClients.turn();
    this.#seenServers.turn();
    this.#edges.expire(this.#clock.unixMs);
  }

  /** Counts what still waits, as it is: before the last export. */
  settle(): void {
    this.#clock.refresh();
    this.#isHurried = true;
    this.#replayHeld();
    this.#waiting.settleAll((place) => this.#settleAlone(place));
    this.#failing.settleAll((place) => this.#settleFailed(place));
    this.#isHurried = false;
  }

  /**
   * Asks at once about all that waits, as no more records will tell, and resolves when the answers have come, or `patienceMs` have
   * passed. What still waits then is for `settle()`.
   */
  async finish(patienceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([this.#askLast(), patience]);
    clearTimeout(timer);
  }

  async #askLast(): Promise<void> {
    await this.#backends?.idle();
    this.#clock.refresh();
    this.#waiting.settleAll((place) => {
      if (!this.#waiting.isHeld(place)) this.#settleAlone(place);
    });
    this.#failing.settleAll((place) => this.#settleFailed(place));
    await new Promise<void>((resolve) => {
      this.#onAnswered = () => {
        if (this.#waiting.size === 0 && this.#failing.size === 0) resolve();
      };
      this.#onAnswered();
    });
  }

  /** Learns of listeners before what they accepted is counted: a sweep's records come first in a batch, theirs after. */
  #begin(records: TcpRecords): void {
    this.#clock.refresh();
    const nowMs = this.#clock.unixMs;
    const isNews = this.#attribution.refresh(nowMs);
    if (this.#held.size > 0 && (isNews || nowMs - this.#replayedMs >= REPLAY_MS)) {
      this.#replayedMs = nowMs;
      this.#replayHeld();
    }
    const { listen, unlisten } = this.#layout.kinds;
    for (let index = 0; index < records.length; index++) {
      const kind = records.kind(index);
      if (kind === listen) this.#listeners.add(records, index);
      else if (kind === unlisten) this.#listeners.remove(records, index);
      else continue;
      this.#attribution.forget();
    }
  }

  #count(records: TcpRecords, index: number): void {
    const { kinds } = this.#layout;
    const { live } = this.#tally;
    const kind = records.kind(index);
    if (kind === kinds.listen || kind === kinds.unlisten) return;
    records.writeId(index, this.#id);
    const slot = live.find(this.#id);
    if (slot < 0) {
      this.#countFirst(records, index);
      return;
    }
    live.seen(slot, this.#fullSweeps);
    if (live.edge(slot) < 0) {
      const place = -1 - live.edge(slot);
      if (kind !== kinds.vanished) {
        this.#waiting.update(place, records, index);
        return;
      }
      // what vanished has no totals: those that wait are its last
      this.#isHurried = true;
      this.#settleAlone(place);
      this.#isHurried = false;
    }
    this.#tally.add(records, index, slot);
  }

  /** A connection's first record. */
  #countFirst(records: TcpRecords, index: number): void {
    const { kinds } = this.#layout;
    const kind = records.kind(index);
    const isLive = kind === kinds.live || kind === kinds.found;
    if (!this.#isAgain && this.#lacksBaseline(records, index, isLive)) {
      this.#unbornSkipped++;
      return;
    }
    const isServer = this.#reading.isServer(records, index);
    const slot = isLive ? this.#tally.follow(this.#id, records, index, isServer) : -1;
    if (slot >= 0) this.#tally.live.seen(slot, this.#fullSweeps);

    if (!this.#reading.wasEstablished(records, index)) {
      if (!isServer && slot < 0 && this.#waitsToHear(records, index)) return;
      const edge = this.#edgeAlone(records, index, isServer);
      if (edge === PENDING) this.#hold(records, index, slot);
      else this.#tally.decide(records, index, slot, edge, isServer, true);
      return;
    }
    this.#reading.writeIsns(records, index, isServer, this.#isns);
    if (this.#joinsOther(records, index, slot, isServer)) return;
    const there = this.#remote(records, index, isServer);
    const mayWait = isServer ? there.counted !== "there" : there.maybeHere;
    if (mayWait && this.#waits(records, index, slot, isServer)) return;
    const edge = this.#decideAlone(records, index, slot, isServer);
    if (edge === PENDING) {
      this.#hold(records, index, slot);
      return;
    }
    (isServer ? this.#seenServers : this.#seenClients).add(this.#isns, this.#edges.generation(edge));
  }

  /**
   * Older than the agent, so that nobody can say how much of it the agent's time saw. Without a birth that is so only soon
   * after the start, and not for as many as there were births that the kernel may have skipped.
   */
  #lacksBaseline(records: TcpRecords, index: number, isLive: boolean): boolean {
    if (this.#reading.isOlder(records, index)) return !isLive;
    if ((records.flags(index) & this.#layout.flags.unborn) === 0) return false;
    if (this.#clock.unixMs - this.#startedUnixMs >= UNBORN_GRACE_MS) return false;
    if (this.#unbornCounted >= this.#skippedRuns()) return true;
    this.#unbornCounted++;
    return false;
  }

  /** Finds the other half, waiting or counted, and decides. */
  #joinsOther(records: TcpRecords, index: number, slot: number, isServer: boolean): boolean {
    const other = this.#waiting.find(this.#isns, isServer);
    if (other >= 0) {
      this.#pair(records, index, slot, other, isServer);
      return true;
    }
    const seen = isServer ? this.#seenClients : this.#seenServers;
    const generation = seen.take(this.#isns);
    if (generation < 0) return false;
    const known = this.#edges.ofGeneration(generation);
    const edge = known >= 0 ? known : this.#edgeAlone(records, index, isServer);
    if (edge !== PENDING) {
      this.#tally.decide(records, index, slot, edge, isServer, false);
      return true;
    }
    seen.add(this.#isns, generation);
    this.#hold(records, index, slot);
    return true;
  }

  /** Both halves are here: the client's is counted, to the backend that the server's half is. */
  #pair(records: TcpRecords, index: number, slot: number, other: number, isServer: boolean): void {
    const waiting = this.#waiting.records;
    // one by one: a pair of them would be an array for each connection
    const client = isServer ? waiting : records;
    const clientIndex = isServer ? other : index;
    const server = isServer ? records : waiting;
    const serverIndex = isServer ? index : other;
    const from = this.#local(client, clientIndex, false);
    const to = this.#local(server, serverIndex, true);
    if (from === undefined || to === undefined) {
      this.#waiting.hold(other);
      this.#backends?.forget(other); // the server's half is here, and says it itself
      this.#hold(records, index, slot);
      return;
    }
    const edge = this.#edges.find(
      from,
      to,
      this.#remote(client, clientIndex, false).service,
      server.localPort(serverIndex),
      this.#clock.unixMs,
    );
    const otherSlot = this.#waiting.slot(other);
    this.#waiting.remove(other);
    this.#backends?.forget(other);
    this.#tally.decide(waiting, other, otherSlot, edge, !isServer, isServer);
    this.#tally.decide(records, index, slot, edge, isServer, !isServer);
  }

  /** Lets the half wait for its other half; false where there is no room. */
  #waits(records: TcpRecords, index: number, slot: number, isServer: boolean): boolean {
    const place = this.#waiting.add(this.#isns, records, index, isServer, slot);
    if (place < 0) {
      this.#waitRefused++;
      return false;
    }
    if (slot >= 0) this.#tally.live.setEdge(slot, -1 - place);
    if (!isServer && this.#backends !== undefined && this.#remote(records, index, false).service !== undefined) {
      this.#backends.want(place);
    }
    return true;
  }

  /** Lets a connection to a Service that failed wait for the backend's name; false where nobody could say or there is no room. */
  #waitsToHear(records: TcpRecords, index: number): boolean {
    // What is answered with a reset is forgotten by connection tracking at once.
    if (this.#backends === undefined || records.error(index) === ECONNREFUSED) return false;
    if (this.#remote(records, index, false).service === undefined) return false;
    const place = this.#failing.add(this.#id, records, index, false, -1);
    if (place < 0) return false;
    this.#backends.want(MAX_WAITING + place);
    return true;
  }

  #makeFinder(source: BackendSource, { identity, nodePorts, onError }: FlowCounterOptions): BackendFinder {
    const half = (place: number) => (place < MAX_WAITING ? this.#waiting : this.#failing);
    const indexOf = (place: number) => (place < MAX_WAITING ? place : place - MAX_WAITING);
    const places: BackendPlaces = {
      capacity: MAX_WAITING + MAX_FAILING,
      records: (place) => half(place).records,
      index: indexOf,
      resolve: (address, port, place) => {
        const { records } = half(place);
        const { service } = this.#remote(records, indexOf(place), false);
        return identity.backend(address, port, service, this.#bornUnixMs(records, indexOf(place)));
      },
      resolveAgain: (address, place) => {
        const { records } = half(place);
        const index = indexOf(place);
        return identity.remote(address, 0, records.netns(index), this.#bornUnixMs(records, index));
      },
      onAnswer: (place) => this.#heard(place),
      onError: onError ?? (() => {}),
    };
    return new BackendFinder(source, places, nodePorts);
  }

  /** There is an answer about the backend, or there will be none: who waits for nothing else is counted. */
  #heard(place: number): void {
    if (place >= MAX_WAITING) this.#settleFailed(place - MAX_WAITING);
    else if (this.#waiting.isHeld(place) || this.#backends?.answer(place)?.maybeHere === false)
      this.#settleAlone(place);
    this.#onAnswered();
  }

  #settleFailed(index: number): void {
    const { records } = this.#failing;
    const isAsking = !this.#isHurried && this.#backends?.isAsking(MAX_WAITING + index) === true;
    const edge = isAsking ? PENDING : this.#edgeAlone(records, index, false, MAX_WAITING + index);
    if (edge === PENDING) {
      this.#failing.postpone(index);
      return;
    }
    this.#failing.remove(index);
    this.#backends?.forget(MAX_WAITING + index);
    this.#tally.decide(records, index, -1, edge, false, true);
  }

  /** The other half is not on this host. A server's client may have been forwarded: somebody may know. */
  #settleAlone(place: number): void {
    const { records } = this.#waiting;
    const isServer = this.#waiting.isServer(place);
    if (isServer && this.#isClientComing(place)) {
      this.#waiting.postpone(place);
      return;
    }
    if (!this.#isHurried && (isServer ? this.#asksOrigin(place) : this.#awaitsBackend(place))) return;
    const edge = this.#decideAlone(records, place, this.#waiting.slot(place), isServer, place);
    if (edge === PENDING) {
      this.#waiting.postpone(place);
      return;
    }
    this.#endWait(place);
    this.#backends?.forget(place);
    // a client is established before its server: one whose server has waited in vain will not turn up
    if (isServer) return;
    this.#reading.writeIsns(records, place, isServer, this.#isns);
    this.#seenClients.add(this.#isns, this.#edges.generation(edge));
  }

  /**
   * Somebody was asked about the client's backend: then that is all it waits for. Sweeps may be faster than an answer, where there
   * is little CPU to be had, or the answer is another node's.
   */
  #awaitsBackend(place: number): boolean {
    if (this.#backends?.isAsking(place) !== true) return false;
    this.#waiting.hold(place);
    return true;
  }

  /** Whether news may be under way of a server's client: of a pod that is about to be known nobody else can say more. */
  #isClientComing(place: number): boolean {
    if (this.#waiting.isHeld(place)) return false;
    const { records } = this.#waiting;
    return this.#isUnsettled(this.#remote(records, place, true), records, place);
  }

  #asksOrigin(place: number): boolean {
    if (this.#waiting.isHeld(place)) return false;
    const { records } = this.#waiting;
    const from = this.#remote(records, place, true).endpoint;
    if (this.#origins === undefined || from === undefined || !FORWARDERS.has(from.kind)) return false;
    const ticket = this.#waiting.ticket(place);
    const connection = {
      server: localAddress(records, place),
      serverPort: records.localPort(place),
      from: remoteAddress(records, place),
      fromPort: records.remotePort(place),
    };
    const isAsked = this.#origins.ask(connection, (origin, failed) => {
      if (!this.#waiting.has(place, ticket)) return; // its other half has come after all
      this.#clock.refresh();
      if (failed) this.#settleAlone(place);
      else this.#settleServer(place, origin);
      this.#onAnswered();
    });
    if (isAsked) this.#waiting.hold(place);
    return isAsked;
  }

  /** A server whose client is known as the one who opened the connection; without an origin, nobody has translated it. */
  #settleServer(place: number, origin: Origin | undefined): void {
    const { records } = this.#waiting;
    const here = this.#local(records, place, true);
    if (here === undefined) {
      this.#waiting.postpone(place);
      return;
    }
    const slot = this.#endWait(place);
    const netns = records.netns(place);
    const bornMs = this.#bornUnixMs(records, place);
    const client = origin ? this.#identity.remote(origin.client, 0, netns, bornMs) : this.#remote(records, place, true);
    const service = origin && this.#identity.remote(origin.address, origin.port, netns, bornMs).service;
    const { counted, endpoint = NO_BACKEND } = client;
    // which process of the node it is, or which pod on the node's network, its own agent knows
    const edge =
      counted === "there unless forwarded"
        ? HIDDEN_EDGE
        : this.#edges.find(endpoint, here, service, records.localPort(place), this.#clock.unixMs);
    this.#decideServer(records, place, slot, edge, counted === "here");
  }

  /** Returns the live connection's slot. */
  #endWait(place: number): number {
    this.#settledAlone++;
    const slot = this.#waiting.slot(place);
    this.#waiting.remove(place);
    return slot;
  }

  /** Keeps a connection's record until more is known of its owner. */
  #hold(records: TcpRecords, index: number, slot: number): void {
    // what comes of the connection meanwhile is held, too: it will be as if it all came then
    if (slot >= 0) this.#tally.live.remove(slot);
    if (this.#held.add(records, index)) return;
    this.#holdRefused++;
    const [isAgain, isHurried] = [this.#isAgain, this.#isHurried];
    this.#isAgain = true;
    this.#isHurried = true;
    this.#countFirst(records, index);
    this.#isAgain = isAgain;
    this.#isHurried = isHurried;
  }

  #replayHeld(): void {
    this.#isAgain = true;
    this.#held.replay((records, index) => this.#count(records, index));
    this.#isAgain = false;
  }

  /** Decides by what one half knows. A client is always counted, a server unless another agent counts its client. Or `PENDING`. */
  #decideAlone(records: TcpRecords, index: number, slot: number, isServer: boolean, place = -1): number {
    const edge = this.#edgeAlone(records, index, isServer, place);
    if (edge === PENDING) return PENDING;
    if (!isServer) this.#tally.decide(records, index, slot, edge, false, true);
    else this.#decideServer(records, index, slot, edge, this.#remote(records, index, true).counted !== "there");
    return edge;
  }

  #decideServer(records: TcpRecords, index: number, slot: number, edge: number, counts: boolean): void {
    if (!counts) this.#leftToPeers++;
    this.#tally.decide(records, index, slot, edge, true, counts);
  }

  /** The owner of a record's socket; undefined where it is about to be known. */
  #local(records: TcpRecords, index: number, isServer: boolean): Endpoint | undefined {
    const endpoint = this.#attribution.local(records, index, isServer);
    if (endpoint !== this.#identity.pending) return endpoint;
    return this.#isHurried ? this.#identity.unknown : undefined;
  }

  /** The edge as one half knows it, or `PENDING`; `place` is where it waited to hear of its backend, or -1. */
  #edgeAlone(records: TcpRecords, index: number, isServer: boolean, place = -1): number {
    const here = this.#local(records, index, isServer);
    if (here === undefined) return PENDING;
    const there = this.#remote(records, index, isServer);
    if (isServer) {
      if (there.counted === "here" && this.#isUnsettled(there, records, index)) return PENDING;
      // whether it is the node's own, and so counted there, or another's: nobody could say
      const isHidden = there.counted === "there unless forwarded";
      const endpoint = isHidden ? this.#identity.unknown : (there.endpoint ?? NO_BACKEND);
      return this.#edges.find(endpoint, here, undefined, records.localPort(index), this.#clock.unixMs);
    }
    const backend = place < 0 ? undefined : this.#backends?.answer(place);
    if (this.#isUnsettled(backend ?? there, records, index)) return PENDING;
    const endpoint = there.endpoint ?? backend?.endpoint ?? NO_BACKEND;
    const port = backend === undefined ? records.remotePort(index) : (this.#backends?.port(place) ?? 0);
    return this.#edges.find(here, endpoint, there.service, port, this.#clock.unixMs);
  }

  /** Whether news may be under way of who is at the other end. */
  #isUnsettled({ unsettledMs }: RemoteAnswer, records: TcpRecords, index: number): boolean {
    if (unsettledMs === undefined || this.#isHurried || records.bornNs(index) === 0) return false;
    return this.#clock.unixMs - this.#bornUnixMs(records, index) < unsettledMs;
  }

  #remote(records: TcpRecords, index: number, isServer: boolean): RemoteAnswer {
    return this.#attribution.remote(records, index, isServer, this.#bornUnixMs(records, index));
  }

  #bornUnixMs(records: TcpRecords, index: number): number {
    const bornNs = records.bornNs(index);
    return bornNs === 0 ? this.#clock.unixMs : this.#clock.unixMsOf(bornNs);
  }
}
