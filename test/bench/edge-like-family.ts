import type { AttributeKey, MetricFamily } from "../../src/metrics/family.ts";

const ATTRIBUTE_KEYS: readonly AttributeKey[] = [
  { otlp: "client.k8s.namespace.name", label: "client_namespace" },
  { otlp: "client.k8s.workload.name", label: "client_workload" },
  { otlp: "client.k8s.workload.kind", label: "client_kind" },
  { otlp: "server.k8s.namespace.name", label: "server_namespace" },
  { otlp: "server.k8s.workload.name", label: "server_workload" },
  { otlp: "server.k8s.workload.kind", label: "server_kind" },
  { otlp: "server.port", label: "server_port" },
  { otlp: "network.transport", label: "transport" },
];

/** A family with as many series of eight labels as asked for, by column, as edges are kept. */
export function edgeLikeFamily(
  name: string,
  kind: MetricFamily["kind"],
  slots: number,
  bounds: readonly number[] = [],
): MetricFamily & { readonly values: Float64Array; readonly buckets: Float64Array } {
  const values = new Float64Array(slots);
  for (let slot = 0; slot < slots; slot++) values[slot] = slot * 1_000_003;
  const width = bounds.length + 1;
  const buckets = new Float64Array(slots * width).fill(3);
  return {
    name,
    description: "A family as large as that of a busy node.",
    unit: kind === "histogram" ? "s" : "By",
    kind,
    attributeKeys: ATTRIBUTE_KEYS,
    bounds,
    slots,
    values,
    buckets,
    generation: () => 1,
    attributes: (slot) => [
      `namespace-${slot % 50}`,
      `workload-${slot % 5000}-client`,
      "Deployment",
      `namespace-${slot % 40}`,
      `workload-${Math.floor(slot / 20)}-server`,
      "StatefulSet",
      `${8000 + (slot % 20)}`,
      "tcp",
    ],
    startUnixMs: () => 1_700_000_000_000,
    value: (slot) => (kind === "histogram" ? 3 * width : (values[slot] ?? 0)),
    sum: (slot) => slot / 1000,
    bucket: (slot, index) => buckets[slot * width + index] ?? 0,
  };
}
