import type { ConnectionEvent } from "../../flows/connection-event.ts";
import type { ExportReading } from "../../metrics/agent-readings.ts";

/** A running export by OTLP. */
export interface OtlpExporter {
  /** Takes a connection that ended; becomes a span where that is wanted. Undefined where traces are off. */
  readonly connection: ((event: ConnectionEvent) => void) | undefined;
  /** What was sent, failed and dropped so far, by signal that is on; fits `AgentReadings.exports`. */
  readonly stats: () => readonly ExportReading[];
  /** Sends everything now. Resolves also where the Collector does not take it: `stats()` tells. */
  forceFlush(): Promise<void>;
  /** Sends what is left and ends, after `deadlineMs` (default 5 000) at the latest. The second call does nothing. */
  shutdown(deadlineMs?: number): Promise<void>;
}
