import { openEnvelope } from "./envelope.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { WatchError, type WatchErrorKind } from "./watch-error.ts";

/** A server may ask for a pause, but not send the agent to sleep. */
const MAX_RETRY_AFTER_MS = 300_000;
const MAX_MESSAGE_BYTES = 65_536;

/** The part of a metav1.Status that Weir reads. */
export interface ApiStatus {
  code: number;
  message: string;
  /** 0 where the server does not say. */
  retryAfterSeconds: number;
}

/** Reads a metav1.Status, before whose fields the reader stands. */
export function readStatus(reader: ProtobufReader): ApiStatus {
  const status: ApiStatus = { code: 0, message: "", retryAfterSeconds: 0 };
  while (reader.next()) {
    if (reader.field() === 3) status.message = reader.text(MAX_MESSAGE_BYTES);
    else if (reader.field() === 6) status.code = reader.int32();
    else if (reader.field() === 5) {
      reader.enter();
      while (reader.next()) if (reader.field() === 5) status.retryAfterSeconds = reader.int32();
      reader.leave();
    }
  }
  return status;
}

/** The status in a response's body: protobuf, JSON or plain text, as the server or a proxy chose. Never throws. */
export function parseStatus(code: number, contentType: string, body: Buffer): ApiStatus {
  try {
    if (contentType.startsWith("application/vnd.kubernetes.protobuf")) {
      const reader = new ProtobufReader();
      openEnvelope(reader, body);
      return { ...readStatus(reader), code };
    }
    if (contentType.startsWith("application/json")) {
      const status: unknown = JSON.parse(body.toString());
      if (typeof status === "object" && status !== null && "message" in status) {
        return { code, message: String(status.message), retryAfterSeconds: 0 };
      }
    }
  } catch {
    // Not what it says it is: show it as text.
  }
  return { code, message: body.toString("utf8", 0, 200).trim(), retryAfterSeconds: 0 };
}

/** The error that a status means; `action` is what was tried, such as `list pods`. */
export function statusError(action: string, status: ApiStatus, retryAfterMs = 0): WatchError {
  const afterMs = Math.max(retryAfterMs, status.retryAfterSeconds * 1000);
  return new WatchError(
    statusKind(status),
    `Cannot ${action}: the API server answered ${status.code}: ${status.message || "without a reason"}`,
    { retryAfterMs: Math.min(afterMs, MAX_RETRY_AFTER_MS) },
  );
}

function statusKind({ code, message }: ApiStatus): WatchErrorKind {
  // After a restore of etcd the server is behind what was seen before: as with 410, only a new list helps.
  if (code === 410 || message.includes("Too large resource version")) return "expired";
  if (code === 401) return "unauthorized";
  if (code === 403) return "forbidden";
  if (code === 404) return "missing";
  if (code === 429) return "throttled";
  return code >= 500 ? "server" : "refused";
}

/** A Retry-After header, seconds or a date, in milliseconds; 0 where there is none or it makes no sense. */
export function parseRetryAfter(header: string | undefined, nowUnixMs: number): number {
  if (header === undefined) return 0;
  const afterMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowUnixMs;
  return afterMs > 0 ? Math.min(afterMs, MAX_RETRY_AFTER_MS) : 0;
}
