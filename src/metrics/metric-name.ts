import type { MetricKind } from "./family.ts";

/** UCUM units and the words that Prometheus puts into names for them. */
const UNIT_WORDS: Readonly<Record<string, string>> = {
  By: "bytes",
  KiBy: "kibibytes",
  MiBy: "mebibytes",
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
  min: "minutes",
  h: "hours",
  d: "days",
  "%": "percent",
  Hz: "hertz",
};
const PER_WORDS: Readonly<Record<string, string>> = { s: "second", min: "minute", h: "hour", d: "day" };

/**
 * The Prometheus name of a metric, by OpenTelemetry's standard translation: `weir.flow.io`, `By`, counter becomes
 * `weir_flow_io_bytes_total`. Annotations such as `{connection}` add nothing, and a suffix that the name already
 * ends with is not repeated.
 */
export function prometheusName(name: string, unit: string, kind: MetricKind): string {
  let result = name.replace(/[^a-zA-Z0-9_]+/g, "_").replace(/_{2,}/g, "_");
  if (/^[0-9]/.test(result)) result = `_${result}`;
  const isCounter = kind === "counter";
  if (isCounter && result.endsWith("_total")) result = result.slice(0, -"_total".length);
  const suffix = unitSuffix(unit, kind);
  if (suffix !== "" && !result.endsWith(`_${suffix}`)) result += `_${suffix}`;
  return isCounter ? `${result}_total` : result;
}

function unitSuffix(unit: string, kind: MetricKind): string {
  const bare = unit.replace(/\{[^}]*\}/g, "");
  if (bare === "1") return kind === "gauge" ? "ratio" : "";
  const [amount = "", per = ""] = bare.split("/");
  const words = [unitWord(UNIT_WORDS, amount)];
  if (per !== "") words.push("per", unitWord(PER_WORDS, per));
  return words.filter((word) => word !== "").join("_");
}

function unitWord(words: Readonly<Record<string, string>>, unit: string): string {
  return words[unit] ?? unit.replace(/[^a-zA-Z0-9]+/g, "_").replace(/^_+|_+$/g, "");
}
