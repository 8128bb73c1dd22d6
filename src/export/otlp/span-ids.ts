import { hash, randomBytes } from "node:crypto";
import type { ConnectionEvent } from "../../flows/connection-event.ts";

/** Hex, as OpenTelemetry writes them. */
export interface SpanIds {
  readonly traceId: string;
  /** Of the span at the client's end. */
  readonly clientSpanId: string;
  /** Of the span at the server's end. */
  readonly serverSpanId: string;
}

const seed = Buffer.alloc(16);
seed.write("weir.tcp", "latin1");

/**
 * Ids of a connection's trace and of the span at either end.
 *
 * They are a hash of both initial sequence numbers and of nothing else: addresses and ports differ between the two ends
 * wherever there is NAT, and clocks differ anyway. So both ends derive the same ids without talking to each other. A
 * connection that was never established has no such pair; its ids are random.
 */
export function spanIdsOf(event: Pick<ConnectionEvent, "clientIsn" | "serverIsn">): SpanIds {
  if (event.clientIsn === 0 || event.serverIsn === 0) return idsFrom(randomBytes(32).toString("hex"));
  seed.writeUInt32BE(event.clientIsn >>> 0, 8);
  seed.writeUInt32BE(event.serverIsn >>> 0, 12);
  return idsFrom(hash("sha256", seed, "hex"));
}

function idsFrom(hex: string): SpanIds {
  return { traceId: hex.slice(0, 32), clientSpanId: hex.slice(32, 48), serverSpanId: hex.slice(48, 64) };
}
