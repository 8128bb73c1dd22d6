import type { MetricFamily } from "../../../src/metrics/family.ts";
import { ValueFamily } from "../../../src/metrics/value-family.ts";
import { HistogramFamily } from "../../metrics/histogram-family.ts";

/** Pairs of label values that some exporter would confuse, or that would break a line. No two are alike. */
export const HOSTILE_PAIRS: readonly (readonly [string, string])[] = [
  ["a,b", "c"],
  ["a", "b,c"],
  ["a:b", "c"],
  ["a", "b:c"],
  ['a",server_workload="x', "c"],
  ["a", '"'],
  ["back\\slash", "\\"],
  ["back\\\\slash", "\\\\"],
  ["line\nbreak", "\n"],
  ["line\\nbreak", "\\n"],
  ["carriage\rreturn", "\r"],
  ["tab\there", "\u0001"],
  ["nul\0here", "\0"],
  ["half\ud800pair", "\ud800"],
  ["half\ud801pair", "\ud801"],
  ["half\udc00pair", "\udc00"],
  ["decoded\ufffdbytes", "\ufffd"],
  ["} 1\nweir_fake_total 1\n", "c"],
  ["# HELP", "# TYPE"],
  ["ä🐟", "日本"],
  ["", ""],
  [" ", "  "],
];

const KEYS = [
  { otlp: "client.k8s.workload.name", label: "client_workload" },
  { otlp: "server.k8s.workload.name", label: "server_workload" },
];

/** A counter with the hostile pairs (the value is the pair's number), a histogram, gauges and an empty family. */
export function hostileFamilies(): readonly MetricFamily[] {
  const counter = new ValueFamily("counter", {
    name: "weir.flow.io",
    description: 'Bytes with a "quote", a back\\slash and a\nnew line.',
    unit: "By",
    attributeKeys: KEYS,
  });
  for (const [index, pair] of HOSTILE_PAIRS.entries()) counter.add(pair, index + 1);
  counter.add(["ended", "ended"], 1);
  counter.remove(["ended", "ended"]);

  const options = { description: "Time to connect.", unit: "s" };
  const histogram = new HistogramFamily(
    { ...options, name: "weir.connect.duration", attributeKeys: KEYS },
    [0.001, 0.1, 5],
  );
  for (const seconds of [0.0005, 0.001, 0.002, 0.1, 0.5, 6]) histogram.record(['a"b', "c\\d"], seconds);
  histogram.record(["other", "series"], 0.25);
  const bare = new HistogramFamily({ ...options, name: "weir.bare.duration", attributeKeys: [] }, [1]);
  bare.record([], 0.5);
  bare.record([], 1.5);

  const active = new ValueFamily("updowncounter", {
    name: "weir.connections.active",
    description: "Open connections.",
    unit: "{connection}",
    attributeKeys: [],
  });
  active.set([], 23);
  const odd = new ValueFamily("gauge", {
    name: "weir.odd",
    description: "Numbers that need care.",
    unit: "",
    attributeKeys: [{ otlp: "case", label: "case" }],
  });
  const cases = {
    nan: Number.NaN,
    up: Number.POSITIVE_INFINITY,
    down: Number.NEGATIVE_INFINITY,
    small: -1.5e-9,
    large: 1e21,
  };
  for (const [name, value] of Object.entries(cases)) odd.set([name], value);
  const empty = new ValueFamily("counter", {
    name: "weir.none",
    description: "Nothing yet.",
    unit: "",
    attributeKeys: KEYS,
  });
  return [counter, histogram, bare, active, odd, empty];
}
