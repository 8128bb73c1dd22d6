import type { HrTime } from "@opentelemetry/api";

/** Milliseconds since the Unix epoch, with fractions, as seconds and nanoseconds. */
export function hrTimeOf(unixMs: number): HrTime {
  const seconds = Math.floor(unixMs / 1000);
  const nanos = Math.round((unixMs - seconds * 1000) * 1e6);
  return nanos >= 1e9 ? [seconds + 1, 0] : [seconds, nanos];
}
