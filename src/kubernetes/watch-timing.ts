/** How patient a watch is. Milliseconds, unless the name says otherwise. */
export interface WatchTiming {
  /** First delay after an error; doubles up to `backoffMaxMs`, with jitter. */
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Delay before asking again for what is forbidden or missing, plus or minus half. */
  readonly deniedRetryMs: number;
  /** A response's head, and each further piece of a list, must come within this. */
  readonly responseMs: number;
  /** All of a list's pages must come within this. */
  readonly listMs: number;
  /** A watch is silent for no longer: the server sends a bookmark about every minute. */
  readonly silenceMs: number;
  /** A server that streams the initial list never pauses for longer: one that does has not understood the request. */
  readonly initialSilenceMs: number;
  /** Each watch asks for a random duration between these, so that the agents' renewals spread. */
  readonly watchMinSeconds: number;
  readonly watchMaxSeconds: number;
  /** A watch that lived for this long was a good one: the next delay starts from the base. */
  readonly stableMs: number;
  /** The first request waits for up to this. */
  readonly startJitterMs: number;
  /** Objects per page of a list. */
  readonly pageObjects: number;
}

export const DEFAULT_WATCH_TIMING: WatchTiming = {
  backoffBaseMs: 500,
  backoffMaxMs: 30_000,
  deniedRetryMs: 60_000,
  responseMs: 30_000,
  listMs: 300_000,
  silenceMs: 90_000,
  initialSilenceMs: 10_000,
  watchMinSeconds: 290,
  watchMaxSeconds: 600,
  stableMs: 10_000,
  startJitterMs: 250,
  pageObjects: 500,
};
