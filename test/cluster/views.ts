import type { Collector } from "../rig/collector.ts";
import { parseExposition, type Sample } from "../rig/exposition.ts";
import type { Prometheus } from "../rig/prometheus.ts";

/** What is compared: every series of these families. Round trips and retransmits are each end's own, as that end knows the other. */
const FAMILIES = [
  "weir_connections_opened_total",
  "weir_connections_closed_total",
  "weir_connections_active",
  "weir_connections_failed_total",
  "weir_flow_io_bytes_total",
];
/** What agents lost. */
export const LOST = "weir_agent_lost_records_total";
/** Of the families as OTLP has them. */
const OTLP_NAMES: Readonly<Record<string, string>> = {
  "weir.connections.opened": "weir_connections_opened_total",
  "weir.connections.closed": "weir_connections_closed_total",
  "weir.connections.active": "weir_connections_active",
  "weir.connections.failed": "weir_connections_failed_total",
  "weir.flow.io": "weir_flow_io_bytes_total",
};

/** A label without a value is none for Prometheus. */
const NONE = { client_namespace: "", server_namespace: "", server_service: "" };

/** What the agents themselves say, one after the other. */
export async function agentsView(addresses: readonly string[]): Promise<Sample[]> {
  const texts = await Promise.all(
    addresses.map(async (address) => {
      const answer = await fetch(`http://${address}/metrics`);
      if (!answer.ok) throw new Error(`Cannot scrape ${address}: it answers ${answer.status}`);
      return await answer.text();
    }),
  );
  return texts.flatMap(parseExposition).filter(({ name }) => FAMILIES.includes(name) || name === LOST);
}

/** What Prometheus has of all agents. */
export async function prometheusView(prometheus: Prometheus): Promise<Sample[]> {
  const samples = await prometheus.query(`{__name__=~"${FAMILIES.join("|")}"}`);
  return samples.map(({ labels: { __name__: name = "", ...labels }, value }) => ({
    name,
    labels: { ...NONE, ...labels },
    value,
  }));
}

/** What the Collector got last of each series of each agent. */
export function collectorView(collector: Collector): Sample[] {
  const newest = new Map<string, Sample>();
  for (const { name, resource, attributes, value } of collector.metrics()) {
    const family = OTLP_NAMES[name];
    if (family === undefined || value === undefined) continue;
    const labels = Object.fromEntries(
      Object.entries(attributes).map(([attribute, text]) => [labelOf(attribute), String(text)]),
    );
    newest.set(JSON.stringify([family, resource, labels]), { name: family, labels: { ...NONE, ...labels }, value });
  }
  return [...newest.values()];
}

/** `client.k8s.workload.name` is `client_workload`. */
function labelOf(attribute: string): string {
  const [, side, what, detail] = /^(client|server)\.k8s\.(\w+)\.(\w+)$/.exec(attribute) ?? [];
  if (side === undefined) return attribute.replace("network.", "").replaceAll(".", "_");
  return `${side}_${detail === "kind" ? "kind" : what}`;
}
