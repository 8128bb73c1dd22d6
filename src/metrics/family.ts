/** What a metric counts, in OpenTelemetry's words. */
export type MetricKind = "counter" | "updowncounter" | "gauge" | "histogram";

/** An attribute's two names: OpenTelemetry's, and the label that Prometheus shows. */
export interface AttributeKey {
  readonly otlp: string;
  readonly label: string;
}

/**
 * One metric with all its series, stored by column: the only thing that exporters see.
 *
 * Series live in slots `0 .. slots-1`. A slot is free while `generation(slot)` is 0; a new generation
 * means that the slot has begun another series, so whatever a reader cached for it is void.
 * Values are read in place: a reader copies what it keeps.
 */
export interface MetricFamily {
  /** OpenTelemetry name, such as `weir.flow.io`. */
  readonly name: string;
  readonly description: string;
  /** UCUM unit, such as `By`, `s`, `{connection}`; empty where there is none. */
  readonly unit: string;
  readonly kind: MetricKind;
  readonly attributeKeys: readonly AttributeKey[];
  /** Upper bounds of a histogram's buckets, ascending, without +Inf; empty for other kinds. */
  readonly bounds: readonly number[];
  readonly slots: number;
  generation(slot: number): number;
  /** The values of `attributeKeys`, in their order. Cold: called once per generation. */
  attributes(slot: number): readonly string[];
  /** When the series began, in milliseconds since the Unix epoch. */
  startUnixMs(slot: number): number;
  /** A counter's or gauge's value; a histogram's count of observations. */
  value(slot: number): number;
  /** Sum of a histogram's observations, in `unit`; 0 for other kinds. */
  sum(slot: number): number;
  /** Observations in one histogram bucket, not cumulative; `index` 0 .. bounds.length (the last is +Inf). */
  bucket(slot: number, index: number): number;
}
