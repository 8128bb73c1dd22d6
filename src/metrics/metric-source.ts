import type { MetricFamily } from "./family.ts";

/** Where exporters read from. */
export interface MetricSource {
  readonly families: readonly MetricFamily[];
  /** Brings values that are only taken on demand up to date; called before each read. Never throws. */
  refresh(): void;
}

/**
 * Several sources read as one. Two families of one name are an error: they would be one metric with contradicting
 * series.
 */
export function combineSources(sources: readonly MetricSource[]): MetricSource {
  const families = sources.flatMap((source) => source.families);
  const seen = new Set<string>();
  for (const { name } of families) {
    if (seen.has(name)) throw new Error(`Cannot combine metrics: names must differ, two are called ${name}`);
    seen.add(name);
  }
  return {
    families,
    refresh() {
      for (const source of sources) source.refresh();
    },
  };
}
