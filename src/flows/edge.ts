import type { Endpoint, ServiceRef } from "../identity/endpoint.ts";
import type { AttributeKey } from "../metrics/family.ts";

/** What connections are aggregated by: who spoke to whom, through which Service, to which port. */
export interface Edge {
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** The Service whose address the client used. */
  readonly service: ServiceRef | undefined;
  /** The port of the backend where it is known, else the one that the client addressed. */
  readonly serverPort: number;
}

export const EDGE_ATTRIBUTES: readonly AttributeKey[] = [
  { otlp: "client.k8s.namespace.name", label: "client_namespace" },
  { otlp: "client.k8s.workload.name", label: "client_workload" },
  { otlp: "client.k8s.workload.kind", label: "client_kind" },
  { otlp: "server.k8s.namespace.name", label: "server_namespace" },
  { otlp: "server.k8s.workload.name", label: "server_workload" },
  { otlp: "server.k8s.workload.kind", label: "server_kind" },
  { otlp: "server.k8s.service.name", label: "server_service" },
  { otlp: "server.port", label: "server_port" },
  { otlp: "network.transport", label: "transport" },
];

/** The same with labels that both ends have besides. */
export function edgeAttributeKeys(labels: readonly AttributeKey[]): readonly AttributeKey[] {
  const of = (end: string) => labels.map(({ otlp, label }) => ({ otlp: `${end}.${otlp}`, label: `${end}_${label}` }));
  return [...EDGE_ATTRIBUTES, ...of("client"), ...of("server")];
}

/** The values of `edgeAttributeKeys` for as many labels. A Service without a known backend still gives the server's namespace. */
export function edgeAttributes(edge: Edge, labels = 0): readonly string[] {
  const { client, server, service } = edge;
  const values = [
    client.namespace,
    client.workload,
    client.kind,
    server.namespace || (service?.namespace ?? ""),
    server.workload,
    server.kind,
    service?.name ?? "",
    edge.serverPort === 0 ? "" : String(edge.serverPort),
    "tcp",
  ];
  for (const { chosen } of [client, server]) {
    for (let label = 0; label < labels; label++) values.push(chosen?.[label] ?? "");
  }
  return values;
}

const overflow: Endpoint = { kind: "Overflow", namespace: "", workload: "overflow" };

/** Where everything goes that the budget of edges has no room for. */
export const OVERFLOW_EDGE: Edge = { client: overflow, server: overflow, service: undefined, serverPort: 0 };
