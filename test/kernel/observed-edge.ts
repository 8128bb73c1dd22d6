import type { Sample } from "../rig/exposition.ts";

/** One edge as `/metrics` shows it, the families that are counted exactly. */
export interface ObservedEdge {
  /** `NAMESPACE/KIND/WORKLOAD`, the namespace left out where there is none. */
  readonly client: string;
  readonly server: string;
  readonly service: string;
  readonly opened: number;
  readonly closed: number;
  readonly active: number;
  /** Reasons with their counts, those of 0 left out. */
  readonly failed: Readonly<Record<string, number>>;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** Every edge with this server port, sorted by its names. Samples of several agents add up. */
export function edgesAt(port: number, samples: readonly Sample[]): ObservedEdge[] {
  const edges = new Map<string, Mutable<ObservedEdge> & { failed: Record<string, number> }>();
  for (const { name, labels, value } of samples) {
    if (labels["server_port"] !== String(port)) continue;
    const names = {
      client: endpoint(labels, "client"),
      server: endpoint(labels, "server"),
      service: labels["server_service"] ?? "",
    };
    const key = JSON.stringify(names);
    const edge = edges.get(key) ?? {
      ...names,
      opened: 0,
      closed: 0,
      active: 0,
      failed: {},
      requestBytes: 0,
      responseBytes: 0,
    };
    edges.set(key, edge);
    if (name === "weir_connections_opened_total") edge.opened += value;
    if (name === "weir_connections_closed_total") edge.closed += value;
    if (name === "weir_connections_active") edge.active += value;
    if (name === "weir_connections_failed_total")
      edge.failed[labels["reason"] ?? ""] = (edge.failed[labels["reason"] ?? ""] ?? 0) + value;
    if (name === "weir_flow_io_bytes_total") {
      if (labels["direction"] === "request") edge.requestBytes += value;
      else edge.responseBytes += value;
    }
  }
  return [...edges.entries()].sort(([a], [b]) => a.localeCompare(b)).map(([, edge]) => edge);
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function endpoint(labels: Readonly<Record<string, string>>, side: string): string {
  const parts = [labels[`${side}_namespace`], labels[`${side}_kind`], labels[`${side}_workload`]];
  return parts.filter((part) => part !== "").join("/");
}
