/** How patient a watch is. Milliseconds, unless the name says otherwise. */
export interface WatchTiming {
  /** First delay after an error; doubles up to `backoffMaxMs`, with jitter. */
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** The same for what is forbidden or missing: a right that is granted late is seen soon, one that never is costs little. */
  readonly deniedBaseMs: number;
  readonly deniedMaxMs: number;
  /** A response's head, and each further piece of a list, must come within this. */
  readonly responseMs: number;
  /** Everything that exists must come within this, listed or streamed. */
  readonly listMs: number;
  /** A watch goes without a whole event for no longer: the server sends a bookmark about every minute, as a rule. */
  readonly silenceMs: number;
  /** A server that streams the initial list never pauses for longer: one that does has not understood the request. */
  readonly initialSilenceMs: number;
  /** Each watch asks for a random duration between these, so that the agents' renewals spread. */
  readonly watchMinSeconds: number;
  readonly watchMaxSeconds: number;
  /** A watch that lived for this long was a good one: the next delay starts from the base. */
  readonly stableMs: number;
  /** Each first request waits for up to this. */
  readonly startJitterMs: number;
  /** How long a server that would not stream what exists (WatchList) is remembered as one that cannot. */
  readonly streamRetryMs: number;
  /** Objects per page of a list. */
  readonly pageObjects: number;
  /** How long a watch lets changes come together before it reads more of them. */
  readonly restMs: number;
}

export const DEFAULT_WATCH_TIMING: WatchTiming = {
  backoffBaseMs: 500,
  backoffMaxMs: 30_000,
  deniedBaseMs: 2_000,
  deniedMaxMs: 120_000,
  responseMs: 30_000,
  listMs: 300_000,
  silenceMs: 150_000,
  initialSilenceMs: 10_000,
  watchMinSeconds: 290,
  watchMaxSeconds: 600,
  stableMs: 10_000,
  startJitterMs: 250,
  streamRetryMs: 3_600_000,
  pageObjects: 500,
  restMs: 100,
};
