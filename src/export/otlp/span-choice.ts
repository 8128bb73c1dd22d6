/** Which connections become spans. */
export interface SpanChoice {
  /** Those that failed. */
  readonly failed: boolean;
  /** Those that ended well. */
  readonly closed: boolean;
  /** Whether every client of the cluster gets a span of its own, so that a server's span may refer to it. */
  readonly bothEnds: boolean;
}
