import type { TcpLayout } from "../kernel/addon.ts";
import type { TcpRecords } from "../kernel/tcp-records.ts";
import { FAILURE_REASONS } from "./connection-event.ts";
import type { ConnectionTeller } from "./connection-teller.ts";
import { CLIENT, REQUEST, RESPONSE, SERVER } from "./edge-metrics.ts";
import type { EdgeTable } from "./edge-table.ts";
import { failureReason } from "./failure.ts";
import type { HalfReading } from "./half-reading.ts";
import { LiveConnections } from "./live-connections.ts";
import type { WallClock } from "./wall-clock.ts";

const NS_PER_S = 1e9;
const US_PER_S = 1e6;

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

export interface EdgeTallyOptions {
  readonly layout: TcpLayout;
  readonly edges: EdgeTable;
  readonly reading: HalfReading;
  readonly teller: ConnectionTeller;
  readonly clock: WallClock;
}

/** Adds what records say to the edge that their half of a connection was found to belong to. */
export class EdgeTally {
  /** Connections that a sweep has shown. */
  readonly live = new LiveConnections();
  readonly #layout: TcpLayout;
  readonly #edges: EdgeTable;
  readonly #reading: HalfReading;
  readonly #teller: ConnectionTeller;
  readonly #clock: WallClock;

  constructor(options: EdgeTallyOptions) {
    this.#layout = options.layout;
    this.#edges = options.edges;
    this.#reading = options.reading;
    this.#teller = options.teller;
    this.#clock = options.clock;
  }

  /** Starts to follow a live connection. What one that is older than the agent carried so far is not counted. */
  follow(id: Uint32Array, records: TcpRecords, index: number, isServer: boolean): number {
    const { live } = this;
    const slot = live.add(id);
    if (isServer) live.mark(slot, IS_SERVER);
    if (this.#reading.isOlder(records, index)) {
      live.mark(slot, OLDER);
      live.advance(slot, SENT_BYTES, records.sentBytes(index));
      live.advance(slot, RECEIVED_BYTES, records.receivedBytes(index));
      live.setWord(slot, SENT_SEGMENTS, records.sentSegments(index));
      live.setWord(slot, RECEIVED_SEGMENTS, records.receivedSegments(index));
      live.setWord(slot, RETRANSMITS, records.retransmittedSegments(index));
    }
    return slot;
  }

  /**
   * From here on the connection belongs to an edge. `slot` is -1 where it has ended before a sweep could show it;
   * `counts`: its traffic is that edge's.
   */
  decide(records: TcpRecords, index: number, slot: number, edge: number, isServer: boolean, counts: boolean): void {
    if (slot < 0) {
      this.#addEnded(records, index, edge, isServer, counts);
      return;
    }
    this.live.setEdge(slot, edge);
    this.#edges.pin(edge);
    if (counts) this.live.mark(slot, COUNTS);
    this.add(records, index, slot);
  }

  /** A newer record of a connection that is followed and belongs to an edge. */
  add(records: TcpRecords, index: number, slot: number): void {
    const { kinds } = this.#layout;
    const { metrics } = this.#edges;
    const { live } = this;
    const edge = live.edge(slot);
    const marks = live.marks(slot);
    const isServer = (marks & IS_SERVER) !== 0;
    const kind = records.kind(index);
    const ended = kind === kinds.closed || kind === kinds.vanished;

    const retransmits = live.advanceWord(slot, RETRANSMITS, records.retransmittedSegments(index));
    const sentBytes = live.advance(slot, SENT_BYTES, records.sentBytes(index));
    const receivedBytes = live.advance(slot, RECEIVED_BYTES, records.receivedBytes(index));
    const sentSegments = live.advanceWord(slot, SENT_SEGMENTS, records.sentSegments(index));
    const receivedSegments = live.advanceWord(slot, RECEIVED_SEGMENTS, records.receivedSegments(index));
    this.#addObserved(edge, isServer, retransmits, receivedSegments > 0 ? records.srttUs(index) : 0);

    if ((marks & COUNTS) !== 0) {
      this.#addTraffic(edge, isServer, sentBytes, receivedBytes, sentSegments, receivedSegments);
      if ((marks & OPENED) === 0) {
        live.mark(slot, OPENED);
        metrics.active.add(edge, 1);
        if ((marks & OLDER) === 0) this.#addOpened(records, index, edge, isServer);
      }
      if (ended) {
        metrics.active.add(edge, -1);
        this.#addEnd(records, index, edge, isServer);
      }
    }
    if (ended) this.#release(slot, edge);
  }

  /** A live connection whose end was not seen, and that is there no more. */
  forget(slot: number): void {
    const edge = this.live.edge(slot);
    if (edge < 0) return; // waits, and is settled soon
    const marks = this.live.marks(slot);
    if ((marks & COUNTS) !== 0) {
      this.#edges.metrics.closed.add(edge, 1);
      if ((marks & OPENED) !== 0) this.#edges.metrics.active.add(edge, -1);
    }
    this.#release(slot, edge);
  }

  /** A connection that was born and gone between two sweeps, or never was established: its totals are what it adds. */
  #addEnded(records: TcpRecords, index: number, edge: number, isServer: boolean, counts: boolean): void {
    this.#addObserved(edge, isServer, records.retransmittedSegments(index), records.srttUs(index));
    if (!counts) return;
    this.#addTraffic(
      edge,
      isServer,
      this.#reading.sentBytes(records, index, isServer),
      records.receivedBytes(index),
      records.sentSegments(index),
      records.receivedSegments(index),
    );
    if (this.#reading.wasEstablished(records, index)) this.#addOpened(records, index, edge, isServer);
    this.#addEnd(records, index, edge, isServer);
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
    this.#edges.touch(edge, this.#clock.unixMs);
    io.add(edge, sentBytes, sent);
    io.add(edge, receivedBytes, received);
    packets.add(edge, sentSegments, sent);
    packets.add(edge, receivedSegments, received);
  }

  /** What each end has for itself. */
  #addObserved(edge: number, isServer: boolean, retransmits: number, srttUs: number): void {
    const { metrics } = this.#edges;
    const observer = isServer ? SERVER : CLIENT;
    if (retransmits > 0) metrics.retransmits.add(edge, retransmits, observer);
    if (srttUs > 0) metrics.rtt.observe(edge, srttUs / US_PER_S, observer);
  }

  #addOpened(records: TcpRecords, index: number, edge: number, isServer: boolean): void {
    const { metrics } = this.#edges;
    metrics.opened.add(edge, 1);
    const bornNs = records.bornNs(index);
    const establishedNs = records.establishedNs(index);
    if (isServer || bornNs === 0 || establishedNs === 0) return;
    metrics.connectDuration.observe(edge, Math.max(0, establishedNs - bornNs) / NS_PER_S);
  }

  /** The end of a connection that is counted, good or bad. */
  #addEnd(records: TcpRecords, index: number, edge: number, isServer: boolean): void {
    const { metrics } = this.#edges;
    const { resets, kinds } = this.#layout;
    const established = this.#reading.wasEstablished(records, index);
    if (established) {
      metrics.closed.add(edge, 1);
      if (!this.#reading.isOlder(records, index) && records.establishedNs(index) > 0) {
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
    this.#teller.tell(records, index, this.#edges.get(edge), isServer, failure);
  }

  #release(slot: number, edge: number): void {
    this.#edges.unpin(edge);
    this.live.remove(slot);
  }
}
