import type { BackendSource } from "../../src/flows/backend-finder.ts";
import type { ConnectionEvent } from "../../src/flows/connection-event.ts";
import { EdgeTable } from "../../src/flows/edge-table.ts";
import { FlowCounter } from "../../src/flows/flow-counter.ts";
import type {
  AddressWords,
  Endpoint,
  Identity,
  LocalSocket,
  RemoteAnswer,
  ServiceRef,
} from "../../src/identity/endpoint.ts";
import { formatAddress } from "../../src/identity/format-address.ts";
import type { ForwardedConnection, OriginAnswer } from "../../src/identity/forwarded-connection.ts";
import type { BackendAnswer, NodePortConnection } from "../../src/identity/node-port-connection.ts";
import type { Sweep } from "../../src/kernel/addon.ts";
import type { TcpRecords } from "../../src/kernel/tcp-records.ts";
import { batchOf, LAYOUT, type TcpRecord } from "./tcp-record.ts";

const deployment = (workload: string): Endpoint => ({ kind: "Deployment", namespace: "shop", workload });

/** cgroup 1 is the client's, cgroup 2 the server's; a backend is known by its cgroup alone. */
export const CART = deployment("cart");
export const DEPOT = deployment("depot");
export const FAR_AWAY: Endpoint = { kind: "External", namespace: "", workload: "external" };
/** On a node with an agent of its own. */
export const REMOTE_CART = deployment("remote-cart");
export const REMOTE_DEPOT = deployment("remote-depot");
const PEER_NODE: Endpoint = { kind: "Node", namespace: "", workload: "node-2" };
export const NODE: Endpoint = { kind: "Node", namespace: "", workload: "node-1" };
const UNKNOWN: Endpoint = { kind: "Unknown", namespace: "", workload: "unknown" };
/** The Service's, on every node. */
export const NODE_PORT = 32_007;
const SERVICE = { namespace: "shop", name: "depot-service" };

/** Who is where, without a cluster. Everything that it is asked is kept in `asked`. */
export class RigIdentity implements Identity {
  version = 1;
  readonly unknown = UNKNOWN;
  readonly pending: Endpoint = { ...UNKNOWN };
  /** cgroups whose owner is about to be known. */
  readonly pendingCgroups = new Set<bigint>();
  /** cgroups of nobody's. */
  readonly lost = new Set<bigint>();
  readonly asked: string[] = [];
  /** Other answers than usually, by address. */
  readonly news = new Map<string, RemoteAnswer>();
  readonly #remotes = new Map<string, RemoteAnswer>([
    ["10.0.0.1", { endpoint: CART, service: undefined, maybeHere: true, counted: "here" }],
    ["10.0.0.2", { endpoint: DEPOT, service: undefined, maybeHere: true, counted: "here" }],
    ["10.0.1.1", { endpoint: REMOTE_CART, service: undefined, maybeHere: false, counted: "there" }],
    ["10.96.0.1", { endpoint: undefined, service: SERVICE, maybeHere: true, counted: "here" }],
    ["192.168.0.1", { endpoint: NODE, service: undefined, maybeHere: true, counted: "here" }],
    ["10.0.2.2", { endpoint: REMOTE_DEPOT, service: undefined, maybeHere: false, counted: "there" }],
    ["192.168.0.2", { endpoint: PEER_NODE, service: undefined, maybeHere: false, counted: "there unless forwarded" }],
    ["203.0.113.9", { endpoint: FAR_AWAY, service: undefined, maybeHere: false, counted: "here" }],
  ]);
  readonly #nobody: RemoteAnswer = { endpoint: UNKNOWN, service: undefined, maybeHere: false, counted: "here" };

  local(socket: LocalSocket): Endpoint {
    this.asked.push(`local ${socket.cgroupId} ${socket.comm}`);
    if (this.pendingCgroups.has(socket.cgroupId)) return this.pending;
    if (this.lost.has(socket.cgroupId)) return this.unknown;
    return socket.cgroupId === 1n ? CART : socket.cgroupId === 2n ? DEPOT : UNKNOWN;
  }
  remote(address: AddressWords, port: number, _netns: number, unixMs: number): RemoteAnswer {
    this.asked.push(`remote ${formatAddress(address)}:${port} at ${unixMs}`);
    if (port === NODE_PORT) return { endpoint: undefined, service: SERVICE, maybeHere: true, counted: "here" };
    return this.#answer(address);
  }
  backend(address: AddressWords, port: number, service: ServiceRef | undefined, unixMs: number): RemoteAnswer {
    this.asked.push(`backend ${formatAddress(address)}:${port} of ${service?.name} at ${unixMs}`);
    return this.#answer(address);
  }
  #answer(address: AddressWords): RemoteAnswer {
    const text = formatAddress(address);
    return this.news.get(text) ?? this.#remotes.get(text) ?? this.#nobody;
  }
}

export interface RigOptions {
  readonly maxEdges?: number;
  readonly idleExpiryMs?: number;
  readonly allConnections?: boolean;
  readonly conntrack?: BackendSource;
  /** Whether somebody takes questions about clients that may have been forwarded. */
  readonly origins?: boolean;
}

/** A question to another node that the test answers. */
export interface RigNodePortQuestion {
  readonly connection: NodePortConnection;
  readonly answer: BackendAnswer;
}

/** A question that the test answers. */
export interface RigQuestion {
  readonly connection: ForwardedConnection;
  readonly answer: OriginAnswer;
}

/** A FlowCounter with its edges, on a clock that the test moves. Begins in the third minute after the agent's start. */
export class FlowRig {
  readonly identity = new RigIdentity();
  readonly edges: EdgeTable;
  readonly counter: FlowCounter;
  readonly events: ConnectionEvent[] = [];
  readonly questions: RigQuestion[] = [];
  /** About connections to ports of 192.168.0.2, the other node. */
  readonly nodePortQuestions: RigNodePortQuestion[] = [];
  nowMs = 0;
  skippedRuns = 0;

  constructor(options: RigOptions = {}) {
    this.edges = new EdgeTable({ maxEdges: options.maxEdges ?? 100, idleExpiryMs: options.idleExpiryMs ?? 900_000 });
    this.counter = new FlowCounter({
      layout: LAYOUT,
      identity: this.identity,
      edges: this.edges,
      origins: {
        ask: (connection, answer) => options.origins === true && this.questions.push({ connection, answer }) > 0,
      },
      onConnection: (event) => this.events.push(event),
      allConnections: options.allConnections ?? false,
      skippedRuns: () => this.skippedRuns,
      conntrack: options.conntrack,
      nodePorts: {
        ask: (connection, answer) =>
          formatAddress(connection.to) === "192.168.0.2" && this.nodePortQuestions.push({ connection, answer }) > 0,
      },
      clock: { unixMs: () => 1e12 + this.nowMs, monotonicNs: () => this.nowMs * 1e6 },
    });
    this.nowMs = 120_000;
  }

  batch(...records: TcpRecord[]): TcpRecords {
    return batchOf(...records);
  }

  count(sweep: Sweep, ...records: TcpRecord[]): void {
    this.counter.count(batchOf(...records), sweep);
  }

  /** Sum of a metric over all series, or over those of one variant: `total("io", "request")`. */
  total(metric: keyof EdgeTable["metrics"] & string, variant = ""): number {
    return [...this.series(metric)].reduce((sum, [name, value]) => (name.endsWith(variant) ? sum + value : sum), 0);
  }

  /** A metric's series that are not 0: `cart>depot/depot-service:8080 request` and its value. */
  series(metric: keyof EdgeTable["metrics"] & string): Map<string, number> {
    const family = this.edges.metrics.all.find((each) => each === this.edges.metrics[metric]);
    const series = new Map<string, number>();
    if (family === undefined) throw new Error(`there is no metric ${metric}`);
    for (let slot = 0; slot < family.slots; slot++) {
      if (family.generation(slot) === 0 || family.value(slot) === 0) continue;
      const [, client, , , server, , service, port, , variant] = family.attributes(slot);
      const via = service === "" ? "" : `/${service}`;
      series.set(`${client}>${server}${via}:${port}${variant === undefined ? "" : ` ${variant}`}`, family.value(slot));
    }
    return series;
  }
}

/** The client's half of a connection that ended well: 100 bytes there, 200 back. */
export function clientHalf(changes: Partial<TcpRecord> = {}): TcpRecord {
  return {
    kind: "closed",
    id: 4097,
    side: "client",
    cgroupId: 1,
    netns: 11,
    pid: 500,
    comm: "curl",
    local: "10.0.0.1",
    localPort: 40_001,
    remote: "10.0.0.2",
    remotePort: 8080,
    localIsn: 1000,
    remoteIsn: 0xfffffffe,
    bornNs: 110e9,
    establishedNs: 110.002e9,
    atNs: 111e9,
    sentBytes: 100,
    receivedBytes: 200,
    sentSegments: 5,
    receivedSegments: 4,
    srttUs: 150,
    state: 5,
    ...changes,
  };
}

/** The server's half of the same. */
export function serverHalf(changes: Partial<TcpRecord> = {}): TcpRecord {
  return {
    kind: "closed",
    id: 8193,
    side: "server",
    cgroupId: 2,
    netns: 12,
    local: "10.0.0.2",
    localPort: 8080,
    remote: "10.0.0.1",
    remotePort: 40_001,
    localIsn: 0xfffffffe,
    remoteIsn: 1000,
    bornNs: 110.001e9,
    establishedNs: 110.001e9,
    atNs: 111e9,
    sentBytes: 200,
    receivedBytes: 100,
    sentSegments: 4,
    receivedSegments: 5,
    srttUs: 160,
    state: 9,
    ...changes,
  };
}
