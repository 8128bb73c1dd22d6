/** What can go wrong with a watch, as counted in `WatchState.errors`. */
export const WATCH_ERROR_KINDS = [
  /** No connection, TLS refused, or the connection broke. */
  "connection",
  /** The server did not answer a request in time. */
  "timeout",
  /** An established watch was silent for too long: perhaps only half of the connection is open. */
  "silent",
  /** 410: the resource version is too old (or the server's history went back), so everything is listed again. */
  "expired",
  /** 401 */
  "unauthorized",
  /** 403 */
  "forbidden",
  /** 404: the server does not have this kind of object. */
  "missing",
  /** 429 */
  "throttled",
  /** 5xx */
  "server",
  /** Any other answer that is no success. */
  "refused",
  /** Bytes that are not what they should be, or an object too large to be one. */
  "decode",
  /** Certificate, key, or token files that cannot be read. */
  "credentials",
  /** The consumer of the objects threw. */
  "sink",
  /** More objects than are kept. */
  "budget",
] as const;
export type WatchErrorKind = (typeof WATCH_ERROR_KINDS)[number];

/** Why a request or a watch ended. */
export class WatchError extends Error {
  override readonly name = "WatchError";
  readonly kind: WatchErrorKind;
  /** How long the server asks to be left alone, in milliseconds; 0 where it does not say. */
  readonly retryAfterMs: number;

  constructor(kind: WatchErrorKind, message: string, options?: { cause?: unknown; retryAfterMs?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options?.retryAfterMs ?? 0;
  }
}
