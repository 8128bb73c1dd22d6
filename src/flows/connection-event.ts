import type { Endpoint, PodDetail, ServiceRef } from "../identity/endpoint.ts";

/** Why a connection failed. */
export const FAILURE_REASONS = ["refused", "timeout", "unreachable", "reset", "other"] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** One connection that ended, for spans and logs. Times are milliseconds since the Unix epoch, with fractions. */
export interface ConnectionEvent {
  readonly observer: "client" | "server";
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly service: ServiceRef | undefined;
  /** The observer's own pod, where it is one. */
  readonly ownPod: PodDetail | undefined;
  readonly clientAddress: string;
  readonly clientPort: number;
  /** The destination as the client addressed it, before any NAT. */
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly startUnixMs: number;
  /** Undefined where the connection was never established. */
  readonly establishedUnixMs: number | undefined;
  readonly endUnixMs: number;
  /** Undefined where the connection ended well. */
  readonly failure: FailureReason | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly retransmits: number;
  readonly pid: number;
  readonly comm: string;
  /** Initial sequence numbers of both ends: the same at both ends, through any NAT. 0 where never established. */
  readonly clientIsn: number;
  readonly serverIsn: number;
}
