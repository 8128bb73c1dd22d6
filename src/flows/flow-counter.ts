import type { Endpoint, Identity, RemoteAnswer } from "../identity/endpoint.ts";
import { formatAddress } from "../identity/format-address.ts";
import type { Sweep, TcpLayout } from "../kernel/addon.ts";
import type { TcpRecords } from "../kernel/tcp-records.ts";
import { Attribution, localAddress, remoteAddress } from "./attribution.ts";
import { type ConnectionEvent, FAILURE_REASONS, type FailureReason } from "./connection-event.ts";
import { CLIENT, REQUEST, RESPONSE, SERVER } from "./edge-metrics.ts";
import type { EdgeTable } from "./edge-table.ts";
import { failureReason } from "./failure.ts";
import { Listeners } from "./listeners.ts";
import { LiveConnections } from "./live-connections.ts";
import { processName } from "./process-name.ts";
import { SeenClients } from "./seen-clients.ts";
import { WaitingHalves } from "./waiting-halves.ts";

const NS_PER_MS = 1e6;
const NS_PER_S = 1e9;
const US_PER_S = 1e6;
const TCP_SYN_SENT = 2;
const TCP_SYN_RECV = 3;

/** Halves that wait at once: beyond, a half is counted by what it knows itself. */
const MAX_WAITING = 8192;
/** Sweeps that a half waits for its other half: one that began after it came, and one for what was under way. */
const WAIT_SWEEPS = 2;
/** Connections without a birth that end so soon after the start are older than the agent. */
const UNBORN_GRACE_MS = 60_000;
/** A live connection that this many full sweeps did not show is gone. */
const UNSEEN_SWEEPS = 2;

/** Where Linux begins to choose ports of clients, unless it is told otherwise. */
const EPHEMERAL_PORTS = 32_768;

/** Marks of a live connection. */
const OLDER = 1;
const IS_SERVER = 2;
/** Its traffic is counted; else only what each observer has for itself. */
const COUNTS = 4;
const OPENED = 8;

/** Totals of a live connection that were counted. */
const SENT_BYTES = 0;
const RECEIVED_BYTES = 1;
const SENT_SEGMENTS = 2;
const RECEIVED_SEGMENTS = 3;
const RETRANSMITS = 4;

export interface FlowCounterOptions {
  readonly layout: TcpLayout;
  readonly identity: Identity;
  readonly edges: EdgeTable;
  /** Given connections that failed, and with `allConnections` every one that ended. */
  readonly onConnection?: (event: ConnectionEvent) => void;
  readonly allConnections: boolean;
  /** Milliseconds since the Unix epoch, and CLOCK_MONOTONIC nanoseconds. */
  readonly clock: { unixMs(): number; monotonicNs(): number };
}

/**
 * Counts the kernel's records into edges, each connection once.
 *
 * A connection between two sockets of this host comes as two halves. The client's is counted: it knows the Service, the failure
 * and the connect latency. The server's half says which backend answered. The two know each other by their initial sequence
 * numbers, which are the same at both ends through any NAT. A half that cannot tell alone waits for the other, for no
 * longer than it takes to sweep the live connections twice.
 */
export class FlowCounter {
  readonly #options: FlowCounterOptions;
  readonly #edges: EdgeTable;
  readonly #listeners = new Listeners();
  readonly #attribution: Attribution;
  readonly #live = new LiveConnections();
  readonly #waiting: WaitingHalves;
  readonly #seen = new SeenClients();
  readonly #startedUnixMs: number;
  #batches = 0;
  #sweeps = 0;
  #fullSweeps = 0;
  #unixMs = 0;
  #unixMsAtZero = 0;
  #unbornSkipped = 0;
  #waitRefused = 0;
  #settledAlone = 0;

  constructor(options: FlowCounterOptions) {
    this.#options = options;
    this.#edges = options.edges;
    this.#attribution = new Attribution(options.identity, this.#listeners);
    this.#waiting = new WaitingHalves(options.layout, MAX_WAITING);
    this.#startedUnixMs = options.clock.unixMs();
  }

  /** Live connections that a sweep has shown. */
  get liveConnections(): number {
    return this.#live.size;
  }
  /** Halves waiting for their other half. */
  get waiting(): number {
    return this.#waiting.size;
  }
  /** Whether only a sweep can tell where another half is: the batch after its own did not bring it. */
  get wantsSweep(): boolean {
    return this.#waiting.isAnyOlderThan(this.#batches);
  }
  readonly waitingCapacity = MAX_WAITING;
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

  /** The survey's records: listeners first, because roles of older connections follow from them. */
  countSurvey(records: TcpRecords): void {
    this.#begin();
    this.#learnListeners(records);
    for (let index = 0; index < records.length; index++) this.#count(records, index);
  }

  /** The records of one collection. `sweep` is what was asked of the kernel for it. */
  count(records: TcpRecords, sweep: Sweep): void {
    this.#begin();
    this.#batches++;
    if (sweep === "all") this.#fullSweeps++;
    this.#learnListeners(records);
    for (let index = 0; index < records.length; index++) this.#count(records, index);
    if (sweep === "none") return;
    this.#sweeps++;
    this.#waiting.expire(this.#sweeps, (place) => this.#settleAlone(place));
    if (sweep === "all") {
      this.#live.forEachUnseen(this.#fullSweeps - UNSEEN_SWEEPS + 1, (slot) => this.#forget(slot));
      this.#seen.turn();
      this.#edges.expire(this.#unixMs);
    }
  }

  /** Counts what still waits, as it is: before the last export. */
  settle(): void {
    this.#begin();
    this.#waiting.expire(Number.MAX_SAFE_INTEGER, (place) => this.#settleAlone(place));
  }

  #begin(): void {
    const { clock } = this.#options;
    this.#unixMs = clock.unixMs();
    this.#unixMsAtZero = this.#unixMs - clock.monotonicNs() / NS_PER_MS;
    this.#attribution.refresh(this.#unixMs);
  }

  #unixMsOf(monotonicNs: number): number {
    return this.#unixMsAtZero + monotonicNs / NS_PER_MS;
  }

  /** Before what they accepted is counted: a sweep's records come first in a batch, those of listeners after them. */
  #learnListeners(records: TcpRecords): void {
    const { listen, unlisten } = this.#options.layout.kinds;
    for (let index = 0; index < records.length; index++) {
      const kind = records.kind(index);
      if (kind === listen) this.#listeners.add(records, index);
      else if (kind === unlisten) this.#listeners.remove(records, index);
      else continue;
      this.#attribution.forget();
    }
  }

  #count(records: TcpRecords, index: number): void {
    const { kinds } = this.#options.layout;
    const kind = records.kind(index);
    if (kind === kinds.listen || kind === kinds.unlisten) return;
    const slot = this.#live.find(records.id(index));
    if (slot < 0) {
      this.#countFirst(records, index);
      return;
    }
    this.#live.seen(slot, this.#fullSweeps);
    if (this.#live.edge(slot) < 0) {
      const place = -1 - this.#live.edge(slot);
      if (kind !== kinds.vanished) {
        this.#waiting.update(place, records, index);
        return;
      }
      this.#settleAlone(place); // what vanished has no totals: those that wait are its last
    }
    this.#apply(records, index, slot, this.#live.edge(slot));
  }

  /** A connection's first record. */
  #countFirst(records: TcpRecords, index: number): void {
    const { kinds, flags } = this.#options.layout;
    const kind = records.kind(index);
    const unborn = (records.flags(index) & flags.unborn) !== 0;
    const older = (records.flags(index) & flags.older) !== 0;
    const isLive = kind === kinds.live || kind === kinds.found;
    // without a baseline nobody can say how much of it the agent's time saw
    if ((older && !isLive) || (unborn && this.#unixMs - this.#startedUnixMs < UNBORN_GRACE_MS)) {
      this.#unbornSkipped++;
      return;
    }
    const isServer = this.#isServer(records, index);
    const slot = isLive ? this.#follow(records, index, isServer) : -1;

    if (!this.#wasEstablished(records, index)) {
      this.#decide(records, index, slot, this.#edgeAlone(records, index, isServer), isServer, true);
      return;
    }
    const clientIsn = isServer ? records.remoteIsn(index) : this.#clientIsn(records, index);
    const serverIsn = isServer ? records.localIsn(index) : records.remoteIsn(index);
    const other = this.#waiting.find(clientIsn, serverIsn, isServer);
    if (other >= 0) {
      this.#pair(records, index, slot, other, isServer);
      return;
    }
    if (isServer) {
      const generation = this.#seen.take(clientIsn, serverIsn);
      if (generation >= 0) {
        const known = this.#edges.ofGeneration(generation);
        const edge = known >= 0 ? known : this.#edgeAlone(records, index, true);
        this.#decide(records, index, slot, edge, true, false);
        return;
      }
    }
    if (isServer || this.#remote(records, index, false).maybeHere) {
      const untilSweep = this.#sweeps + WAIT_SWEEPS;
      const sinceBatch = this.#batches;
      const place = this.#waiting.add(records, index, { clientIsn, serverIsn, isServer, slot, untilSweep, sinceBatch });
      if (place >= 0) {
        if (slot >= 0) this.#live.setEdge(slot, -1 - place);
        return;
      }
      this.#waitRefused++;
    }
    const edge = this.#edgeAlone(records, index, isServer);
    if (!isServer) this.#seen.add(clientIsn, serverIsn, this.#edges.generation(edge));
    this.#decide(records, index, slot, edge, isServer, true);
  }

  /** Starts to follow a live connection. What one that is older than the agent carried so far is not counted. */
  #follow(records: TcpRecords, index: number, isServer: boolean): number {
    const { flags } = this.#options.layout;
    const slot = this.#live.add(records.id(index));
    this.#live.seen(slot, this.#fullSweeps);
    if (isServer) this.#live.mark(slot, IS_SERVER);
    if ((records.flags(index) & flags.older) !== 0) {
      this.#live.mark(slot, OLDER);
      this.#live.advance(slot, SENT_BYTES, records.sentBytes(index));
      this.#live.advance(slot, RECEIVED_BYTES, records.receivedBytes(index));
      this.#live.setWord(slot, SENT_SEGMENTS, records.sentSegments(index));
      this.#live.setWord(slot, RECEIVED_SEGMENTS, records.receivedSegments(index));
      this.#live.setWord(slot, RETRANSMITS, records.retransmittedSegments(index));
    }
    return slot;
  }

  /** Both halves are here: the client's is counted, to the backend that the server's half is. */
  #pair(records: TcpRecords, index: number, slot: number, other: number, isServer: boolean): void {
    const waiting = this.#waiting.records;
    const [client, clientIndex] = isServer ? [waiting, other] : [records, index];
    const [server, serverIndex] = isServer ? [records, index] : [waiting, other];
    const edge = this.#edges.find(
      this.#attribution.local(client, clientIndex, false),
      this.#attribution.local(server, serverIndex, true),
      this.#remote(client, clientIndex, false).service,
      server.localPort(serverIndex),
      this.#unixMs,
    );
    const otherSlot = this.#waiting.slot(other);
    this.#waiting.remove(other);
    this.#decide(waiting, other, otherSlot, edge, !isServer, isServer);
    this.#decide(records, index, slot, edge, isServer, !isServer);
  }

  /** The other half is not on this host. */
  #settleAlone(place: number): void {
    const { records } = this.#waiting;
    const isServer = this.#waiting.isServer(place);
    const slot = this.#waiting.slot(place);
    this.#settledAlone++;
    this.#waiting.remove(place);
    const edge = this.#edgeAlone(records, place, isServer);
    if (!isServer)
      this.#seen.add(this.#clientIsn(records, place), records.remoteIsn(place), this.#edges.generation(edge));
    this.#decide(records, place, slot, edge, isServer, true);
  }

  /** The edge as one half knows it. */
  #edgeAlone(records: TcpRecords, index: number, isServer: boolean): number {
    const here = this.#attribution.local(records, index, isServer);
    const there = this.#remote(records, index, isServer);
    const endpoint = there.endpoint ?? NO_BACKEND;
    if (isServer) return this.#edges.find(endpoint, here, undefined, records.localPort(index), this.#unixMs);
    return this.#edges.find(here, endpoint, there.service, records.remotePort(index), this.#unixMs);
  }

  /** From here on the connection belongs to an edge. `counts`: its traffic is that edge's. */
  #decide(records: TcpRecords, index: number, slot: number, edge: number, isServer: boolean, counts: boolean): void {
    if (slot >= 0) {
      this.#live.setEdge(slot, edge);
      this.#edges.pin(edge);
      if (counts) this.#live.mark(slot, COUNTS);
      this.#apply(records, index, slot, edge);
    } else {
      this.#applyEnded(records, index, edge, isServer, counts);
    }
  }

  /** A connection that was born and gone between two sweeps, or never was established: its totals are what it adds. */
  #applyEnded(records: TcpRecords, index: number, edge: number, isServer: boolean, counts: boolean): void {
    const observer = isServer ? SERVER : CLIENT;
    const { metrics } = this.#edges;
    this.#observe(edge, observer, records.retransmittedSegments(index), records.srttUs(index));
    if (!counts) return;
    this.#edges.touch(edge, this.#unixMs);
    this.#addTraffic(
      edge,
      isServer,
      this.#sentBytes(records, index, isServer),
      records.receivedBytes(index),
      records.sentSegments(index),
      records.receivedSegments(index),
    );
    if (this.#wasEstablished(records, index)) {
      metrics.opened.add(edge, 1);
      if (!isServer) this.#observeConnect(records, index, edge);
    }
    this.#end(records, index, edge, isServer);
  }

  /** A newer record of a connection that is followed. */
  #apply(records: TcpRecords, index: number, slot: number, edge: number): void {
    const { kinds } = this.#options.layout;
    const { metrics } = this.#edges;
    const live = this.#live;
    const marks = live.marks(slot);
    const isServer = (marks & IS_SERVER) !== 0;
    const kind = records.kind(index);
    const ended = kind === kinds.closed || kind === kinds.vanished;

    const retransmits = live.advanceWord(slot, RETRANSMITS, records.retransmittedSegments(index));
    const sentBytes = live.advance(slot, SENT_BYTES, records.sentBytes(index));
    const receivedBytes = live.advance(slot, RECEIVED_BYTES, records.receivedBytes(index));
    const sentSegments = live.advanceWord(slot, SENT_SEGMENTS, records.sentSegments(index));
    const receivedSegments = live.advanceWord(slot, RECEIVED_SEGMENTS, records.receivedSegments(index));
    const heard = receivedSegments > 0 ? records.srttUs(index) : 0;
    this.#observe(edge, isServer ? SERVER : CLIENT, retransmits, heard);

    if ((marks & COUNTS) !== 0) {
      this.#edges.touch(edge, this.#unixMs);
      this.#addTraffic(edge, isServer, sentBytes, receivedBytes, sentSegments, receivedSegments);
      if ((marks & OPENED) === 0) {
        live.mark(slot, OPENED);
        metrics.active.add(edge, 1);
        if ((marks & OLDER) === 0) {
          metrics.opened.add(edge, 1);
          if (!isServer) this.#observeConnect(records, index, edge);
        }
      }
      if (ended) {
        metrics.active.add(edge, -1);
        this.#end(records, index, edge, isServer);
      }
    }
    if (ended) {
      this.#edges.unpin(edge);
      live.remove(slot);
    }
  }

  #addTraffic(
    edge: number,
    isServer: boolean,
    sentBytes: number,
    receivedBytes: number,
    sentSegments: number,
    receivedSegments: number,
  ): void {
    const { io, packets } = this.#edges.metrics;
    const sent = isServer ? RESPONSE : REQUEST;
    const received = isServer ? REQUEST : RESPONSE;
    io.add(edge, sentBytes, sent);
    io.add(edge, receivedBytes, received);
    packets.add(edge, sentSegments, sent);
    packets.add(edge, receivedSegments, received);
  }

  /** What each end has for itself. */
  #observe(edge: number, observer: number, retransmits: number, srttUs: number): void {
    const { metrics } = this.#edges;
    if (retransmits > 0) metrics.retransmits.add(edge, retransmits, observer);
    if (srttUs > 0) metrics.rtt.observe(edge, srttUs / US_PER_S, observer);
  }

  #observeConnect(records: TcpRecords, index: number, edge: number): void {
    const bornNs = records.bornNs(index);
    const establishedNs = records.establishedNs(index);
    if (bornNs === 0 || establishedNs === 0) return;
    this.#edges.metrics.connectDuration.observe(edge, Math.max(0, establishedNs - bornNs) / NS_PER_S);
  }

  /** The end of a connection that is counted, good or bad. */
  #end(records: TcpRecords, index: number, edge: number, isServer: boolean): void {
    const { metrics } = this.#edges;
    const { flags, resets, kinds } = this.#options.layout;
    const established = this.#wasEstablished(records, index);
    if (established) {
      metrics.closed.add(edge, 1);
      const older = (records.flags(index) & flags.older) !== 0;
      if (!older && records.establishedNs(index) > 0) {
        const durationNs = Math.max(0, records.atNs(index) - records.establishedNs(index));
        metrics.connectionDuration.observe(edge, durationNs / NS_PER_S);
      }
    }
    if (records.kind(index) === kinds.vanished) return;
    const failure = failureReason({
      observer: isServer ? "server" : "client",
      established,
      error: records.error(index),
      retransmits: records.retransmittedSegments(index),
      resetHere: records.reset(index) === resets.local,
    });
    if (failure !== undefined) metrics.failed.add(edge, 1, FAILURE_REASONS.indexOf(failure));
    if (failure !== undefined || this.#options.allConnections) this.#tell(records, index, edge, isServer, failure);
  }

  #tell(records: TcpRecords, index: number, edge: number, isServer: boolean, failure: FailureReason | undefined): void {
    const { onConnection } = this.#options;
    if (onConnection === undefined) return;
    const { client, server, service } = this.#edges.get(edge);
    const local = formatAddress(localAddress(records, index));
    const remote = formatAddress(remoteAddress(records, index));
    const establishedNs = records.establishedNs(index);
    const listener = isServer ? this.#listeners.get(records, index) : undefined;
    const sent = this.#sentBytes(records, index, isServer);
    const received = records.receivedBytes(index);
    onConnection({
      observer: isServer ? "server" : "client",
      client,
      server,
      service,
      clientAddress: isServer ? remote : local,
      clientPort: isServer ? records.remotePort(index) : records.localPort(index),
      serverAddress: isServer ? local : remote,
      serverPort: isServer ? records.localPort(index) : records.remotePort(index),
      startUnixMs: this.#unixMsOf(records.bornNs(index) || records.atNs(index)),
      establishedUnixMs: establishedNs > 0 ? this.#unixMsOf(establishedNs) : undefined,
      endUnixMs: this.#unixMsOf(records.atNs(index)),
      failure,
      requestBytes: isServer ? received : sent,
      responseBytes: isServer ? sent : received,
      retransmits: records.retransmittedSegments(index),
      pid: records.pid(index) || (listener?.pid ?? 0),
      comm: processName(records, index) || (listener?.comm ?? ""),
      clientIsn: isServer ? records.remoteIsn(index) : records.localIsn(index),
      serverIsn: isServer ? records.localIsn(index) : records.remoteIsn(index),
    });
  }

  /** A live connection whose end was not seen, and that is there no more. */
  #forget(slot: number): void {
    const edge = this.#live.edge(slot);
    if (edge < 0) return; // waits, and is settled soon
    const marks = this.#live.marks(slot);
    if ((marks & COUNTS) !== 0) {
      this.#edges.metrics.closed.add(edge, 1);
      if ((marks & OPENED) !== 0) this.#edges.metrics.active.add(edge, -1);
    }
    this.#edges.unpin(edge);
    this.#live.remove(slot);
  }

  #remote(records: TcpRecords, index: number, isServer: boolean): RemoteAnswer {
    const bornNs = records.bornNs(index);
    return this.#attribution.remote(records, index, isServer, bornNs === 0 ? this.#unixMs : this.#unixMsOf(bornNs));
  }

  /**
   * The role of the socket. One whose birth was not seen is a server's where its port is listened on; where nobody listens
   * any more on either port, the end with the port that no client is given by chance.
   */
  #isServer(records: TcpRecords, index: number): boolean {
    const { sides } = this.#options.layout;
    const side = records.side(index);
    if (side !== sides.unknown) return side === sides.server;
    if (this.#listeners.get(records, index) !== undefined) return true;
    return records.localPort(index) < EPHEMERAL_PORTS && records.remotePort(index) >= EPHEMERAL_PORTS;
  }

  /** Also where the kernel's side missed the moment: by the state that it ended from. */
  #wasEstablished(records: TcpRecords, index: number): boolean {
    if (records.establishedNs(index) > 0) return true;
    const state = records.state(index);
    return state !== TCP_SYN_SENT && state !== TCP_SYN_RECV;
  }

  /** The kernel counts a client's SYN as a byte, and takes it off only where it knows that it is a client. */
  #synByte(records: TcpRecords, index: number, isServer: boolean): number {
    return !isServer && records.side(index) === this.#options.layout.sides.unknown ? 1 : 0;
  }
  #clientIsn(records: TcpRecords, index: number): number {
    return (records.localIsn(index) + this.#synByte(records, index, false)) >>> 0;
  }
  #sentBytes(records: TcpRecords, index: number, isServer: boolean): number {
    return Math.max(0, records.sentBytes(index) - this.#synByte(records, index, isServer));
  }
}

/** Behind a Service, when nobody can say which backend answered. */
const NO_BACKEND: Endpoint = { kind: "Unknown", namespace: "", workload: "unknown" };
