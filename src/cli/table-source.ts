import type { Endpoint } from "../identity/endpoint.ts";

/** One edge, as a line of the live table. */
export interface TableRow {
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** Name of the Service that the client addressed, empty where there is none. */
  readonly service: string;
  readonly port: string;
  readonly connectionsPerSecond: number;
  readonly active: number;
  /** Since the start of the agent. */
  readonly failed: number;
  readonly requestBytesPerSecond: number;
  readonly responseBytesPerSecond: number;
  /** Median connect latency, where any connection was made. */
  readonly connectP50Seconds: number | undefined;
}

/** What stands above the table. */
export interface TableStatus {
  readonly nodeName: string;
  /** Where metrics are served, such as `http://127.0.0.1:9464/metrics`. */
  readonly metricsUrl: string;
  /** Why the agent is not ready; empty once it is. */
  readonly notReady: readonly string[];
  /** Records lost at any stage since the start. */
  readonly lostRecords: number;
}

/** Where the live table gets what it shows; asked once per frame. */
export interface TableSource {
  status(): TableStatus;
  rows(): readonly TableRow[];
}
