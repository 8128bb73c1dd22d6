import type { WatchErrorKind } from "./watch-error.ts";

/**
 * What a watch does now: fetching everything, following changes, waiting after an error, or waiting for permission
 * (403, or 404 where the server has no such resource).
 */
export const WATCH_PHASES = ["listing", "watching", "backoff", "denied"] as const;
export type WatchPhase = (typeof WATCH_PHASES)[number];

/** One resource's watch, as seen from outside. Counts grow from the start of the process. */
export interface WatchState {
  /** Plural name, such as `pods`. */
  readonly resource: string;
  readonly phase: WatchPhase;
  /** Whether everything that exists was delivered once. */
  readonly synced: boolean;
  /** When the server last said anything: event, bookmark, or complete list; when the watch was made, before the first. */
  readonly lastEventUnixMs: number;
  /** Objects that the sink has. */
  readonly objects: number;
  /** Times that everything was fetched completely. */
  readonly lists: number;
  readonly requests: number;
  /** Bytes of response bodies. */
  readonly receivedBytes: number;
  /** Objects and watch events received, bookmarks included. */
  readonly events: number;
  readonly errors: Readonly<Record<WatchErrorKind, number>>;
  /** Text of the last error, empty before the first. */
  readonly lastError: string;
}
