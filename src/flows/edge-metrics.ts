import { FAILURE_REASONS } from "./connection-event.ts";
import { EdgeFamily, type EdgeSlots } from "./edge-family.ts";

/** Variants of `direction`. */
export const REQUEST = 0;
export const RESPONSE = 1;
/** Variants of `observer`. */
export const CLIENT = 0;
export const SERVER = 1;

const direction = { key: { otlp: "direction", label: "direction" }, values: ["request", "response"] };
const observer = { key: { otlp: "observer", label: "observer" }, values: ["client", "server"] };
const reason = { key: { otlp: "reason", label: "reason" }, values: FAILURE_REASONS };

/** Seconds. Within a node a handshake takes tens of microseconds, a lost SYN one second and more. */
const CONNECT_BOUNDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const RTT_BOUNDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const DURATION_BOUNDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800, 3600, 21600, 86400];

/** Every flow metric: what is counted of an edge. */
export class EdgeMetrics {
  readonly io: EdgeFamily;
  readonly packets: EdgeFamily;
  readonly opened: EdgeFamily;
  readonly closed: EdgeFamily;
  readonly active: EdgeFamily;
  readonly failed: EdgeFamily;
  readonly connectDuration: EdgeFamily;
  readonly connectionDuration: EdgeFamily;
  readonly rtt: EdgeFamily;
  readonly retransmits: EdgeFamily;
  readonly all: readonly EdgeFamily[];

  constructor(edges: EdgeSlots) {
    this.io = new EdgeFamily(
      {
        name: "weir.flow.io",
        description: "Payload bytes that the receiving end acknowledged.",
        unit: "By",
        kind: "counter",
        variants: direction,
      },
      edges,
    );
    this.packets = new EdgeFamily(
      {
        name: "weir.flow.packets",
        description: "TCP segments, as the observing end sent and received them, retransmissions included.",
        unit: "{packet}",
        kind: "counter",
        variants: direction,
      },
      edges,
    );
    this.opened = new EdgeFamily(
      {
        name: "weir.connections.opened",
        description: "Connections established.",
        unit: "{connection}",
        kind: "counter",
      },
      edges,
    );
    this.closed = new EdgeFamily(
      {
        name: "weir.connections.closed",
        description: "Established connections that ended, well or not.",
        unit: "{connection}",
        kind: "counter",
      },
      edges,
    );
    this.active = new EdgeFamily(
      {
        name: "weir.connections.active",
        description: "Connections that were established when last looked at.",
        unit: "{connection}",
        kind: "updowncounter",
      },
      edges,
    );
    this.failed = new EdgeFamily(
      {
        name: "weir.connections.failed",
        description: "Connections that were not established, or that the server's reset or a timeout ended.",
        unit: "{connection}",
        kind: "counter",
        variants: reason,
        sparse: true,
      },
      edges,
    );
    this.connectDuration = new EdgeFamily(
      {
        name: "weir.connect.duration",
        description: "From connect() to established, as the client saw it.",
        unit: "s",
        kind: "histogram",
        bounds: CONNECT_BOUNDS,
        sparse: true,
      },
      edges,
    );
    this.connectionDuration = new EdgeFamily(
      {
        name: "weir.connection.duration",
        description: "From established to closed.",
        unit: "s",
        kind: "histogram",
        bounds: DURATION_BOUNDS,
        sparse: true,
      },
      edges,
    );
    this.rtt = new EdgeFamily(
      {
        name: "weir.tcp.rtt",
        description: "Smoothed round trip time, at each sweep that saw traffic and when the connection closed.",
        unit: "s",
        kind: "histogram",
        bounds: RTT_BOUNDS,
        variants: observer,
        sparse: true,
      },
      edges,
    );
    this.retransmits = new EdgeFamily(
      {
        name: "weir.tcp.retransmits",
        description: "TCP segments that the observing end sent again.",
        unit: "{segment}",
        kind: "counter",
        variants: observer,
        sparse: true,
      },
      edges,
    );
    this.all = [
      this.io,
      this.packets,
      this.opened,
      this.closed,
      this.active,
      this.failed,
      this.connectDuration,
      this.connectionDuration,
      this.rtt,
      this.retransmits,
    ];
  }
}
