import type { AttributeKey, MetricKind } from "./family.ts";

/** One metric about the agent itself. */
export interface AgentMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: Exclude<MetricKind, "histogram">;
  readonly attributes: readonly string[];
  readonly description: string;
}

/** Every metric about the agent itself: the one place where they are defined. */
export const AGENT_METRICS = {
  info: {
    name: "weir.agent.info",
    unit: "",
    kind: "gauge",
    attributes: ["version", "kernel", "node"],
    description: "Always 1; the labels tell the agent's version, the kernel's release and the node.",
  },
  featureEnabled: {
    name: "weir.feature.enabled",
    unit: "",
    kind: "gauge",
    attributes: ["feature"],
    description: "1 where the feature is at work, 0 where the kernel lacks what it needs or it is switched off.",
  },
  lostRecords: {
    name: "weir.agent.lost_records",
    unit: "{record}",
    kind: "counter",
    attributes: ["stage", "reason"],
    description: "Records that a full map, queue or budget refused. 0 means that every count is complete.",
  },
  mapEntries: {
    name: "weir.agent.bpf.map.entries",
    unit: "{entry}",
    kind: "updowncounter",
    attributes: ["map"],
    description: "Entries in use of a BPF map.",
  },
  mapCapacity: {
    name: "weir.agent.bpf.map.capacity",
    unit: "{entry}",
    kind: "updowncounter",
    attributes: ["map"],
    description: "Entries that a BPF map has room for.",
  },
  programRunTime: {
    name: "weir.agent.bpf.run_time",
    unit: "s",
    kind: "counter",
    attributes: ["program"],
    description: "Time spent in a BPF program; counted only while the kernel's BPF statistics are on.",
  },
  programRuns: {
    name: "weir.agent.bpf.runs",
    unit: "{run}",
    kind: "counter",
    attributes: ["program"],
    description: "Runs of a BPF program; counted only while the kernel's BPF statistics are on.",
  },
  programSkipped: {
    name: "weir.agent.bpf.skipped_runs",
    unit: "{run}",
    kind: "counter",
    attributes: ["program"],
    description:
      "Runs that the kernel skipped because the program was running on that CPU. Nothing is lost by it but details.",
  },
  otherNodes: {
    name: "weir.agent.other_nodes.connections",
    unit: "{connection}",
    kind: "counter",
    attributes: [],
    description:
      "Connections of other nodes that share this node's kernel, which their own agents measure. 0 on a host that is one node.",
  },
  lostCgroupNews: {
    name: "weir.agent.cgroup_news.lost",
    unit: "{cgroup}",
    kind: "counter",
    attributes: [],
    description:
      "News of cgroups that found the kernel's ring full. All processes are looked at again then, so no count suffers, but a cgroup that was gone by that time has no name.",
  },
  eventLoopDelayMax: {
    name: "weir.agent.event_loop.delay.max",
    unit: "s",
    kind: "gauge",
    attributes: [],
    description: "Longest time by which the event loop ran late in the last 30 to 60 seconds.",
  },
  eventLoopDelayP99: {
    name: "weir.agent.event_loop.delay.p99",
    unit: "s",
    kind: "gauge",
    attributes: [],
    description: "99th percentile of the time by which the event loop ran late in the last 30 to 60 seconds.",
  },
  processCpu: {
    name: "weir.agent.cpu.time",
    unit: "s",
    kind: "counter",
    attributes: ["mode"],
    description: "CPU time of the agent's process, by user and system.",
  },
  processMemory: {
    name: "weir.agent.memory.resident",
    unit: "By",
    kind: "updowncounter",
    attributes: [],
    description: "Resident memory of the agent's process.",
  },
  series: {
    name: "weir.agent.series",
    unit: "{series}",
    kind: "updowncounter",
    attributes: ["family"],
    description: "Series alive in a metric family.",
  },
  seriesOverflow: {
    name: "weir.agent.series.overflow",
    unit: "{update}",
    kind: "counter",
    attributes: ["family"],
    description: "Updates that went to a family's overflow series because its series budget was used up.",
  },
  unresolved: {
    name: "weir.agent.unresolved_lookups",
    unit: "{lookup}",
    kind: "counter",
    attributes: ["side"],
    description: "Questions for the owner of a local socket or a remote address that could only be answered Unknown.",
  },
  backendLookups: {
    name: "weir.agent.backend_lookups",
    unit: "{lookup}",
    kind: "counter",
    attributes: ["outcome"],
    description:
      "Questions to the kernel's connection tracking for the backend of a Service: found; unlisted (found, but no EndpointSlice has it); absent; refused (flows.maxBackendLookups); failed.",
  },
  watchSynced: {
    name: "weir.agent.watch.synced",
    unit: "",
    kind: "gauge",
    attributes: ["resource"],
    description: "1 while the watch of a Kubernetes resource is connected and its first list is complete, else 0.",
  },
  watchAge: {
    name: "weir.agent.watch.age",
    unit: "s",
    kind: "gauge",
    attributes: ["resource"],
    description: "Time since the API server last sent anything on the watch of a Kubernetes resource.",
  },
  peerAgents: {
    name: "weir.agent.peers",
    unit: "{agent}",
    kind: "updowncounter",
    attributes: [],
    description: "Nodes with a ready agent, this one's included, as far as this agent knows.",
  },
  connectionsLeft: {
    name: "weir.agent.connections_left",
    unit: "{connection}",
    kind: "counter",
    attributes: [],
    description: "Connections to servers of this node that are counted by the agent of the client's node.",
  },
  watchState: {
    name: "weir.agent.watch.state",
    unit: "",
    kind: "gauge",
    attributes: ["resource", "state"],
    description:
      "1 for what the watch of a Kubernetes resource does: listing, watching, backoff (waiting after an error), denied (no right to it, or the server lacks it); 0 for the others.",
  },
  watchObjects: {
    name: "weir.agent.watch.objects",
    unit: "{object}",
    kind: "updowncounter",
    attributes: ["resource"],
    description: "Objects of a Kubernetes resource that the agent knows; they stay while the API server is away.",
  },
  watchLists: {
    name: "weir.agent.watch.lists",
    unit: "{list}",
    kind: "counter",
    attributes: ["resource"],
    description: "Times that everything there is of a Kubernetes resource was fetched completely.",
  },
  watchRequests: {
    name: "weir.agent.watch.requests",
    unit: "{request}",
    kind: "counter",
    attributes: ["resource"],
    description: "Requests to the API server for a Kubernetes resource.",
  },
  watchReceived: {
    name: "weir.agent.watch.received",
    unit: "By",
    kind: "counter",
    attributes: ["resource"],
    description: "Bytes of the API server's answers about a Kubernetes resource, without HTTP and TLS.",
  },
  watchEvents: {
    name: "weir.agent.watch.events",
    unit: "{event}",
    kind: "counter",
    attributes: ["resource"],
    description: "Objects, changes and bookmarks received from the API server.",
  },
  watchErrors: {
    name: "weir.agent.watch.errors",
    unit: "{error}",
    kind: "counter",
    attributes: ["resource", "kind"],
    description:
      "Errors of a watch by kind: connection, timeout, silent, expired (410), unauthorized, forbidden, missing, throttled (429), server (5xx), refused, credentials end it for a while; decode, sink, budget leave out an object.",
  },
  peerQuestions: {
    name: "weir.agent.peer_questions",
    unit: "{question}",
    kind: "counter",
    attributes: ["question", "outcome"],
    description:
      "Questions to other agents for whom their node forwards a connection (origin) and where it sends what comes to a node port (backend), by outcome: found; absent (it does neither); failed (no agent for 10 s, or a slow one for 30 s: the client is Unknown, or the backend); refused (too many, and the same); repeated, those that were asked again.",
  },
  exportBatches: {
    name: "weir.agent.export.batches",
    unit: "{batch}",
    kind: "counter",
    attributes: ["signal", "outcome"],
    description: "OTLP requests by signal (metrics, traces) and outcome (sent, failed).",
  },
  exportItems: {
    name: "weir.agent.export.items",
    unit: "{item}",
    kind: "counter",
    attributes: ["signal", "outcome"],
    description:
      "Metric points and spans by outcome: sent; failed (the Collector did not take them); dropped (the queue was full).",
  },
  scrapes: {
    name: "weir.agent.scrapes",
    unit: "{scrape}",
    kind: "counter",
    attributes: ["outcome"],
    description: "Scrapes of /metrics by outcome: served, aborted by the client, rejected as too many at once, failed.",
  },
  readingFailures: {
    name: "weir.agent.reading_failures",
    unit: "{failure}",
    kind: "counter",
    attributes: ["reading"],
    description: "Failed attempts to read one of the agent's own numbers; its last values stay.",
  },
} as const satisfies Record<string, AgentMetric>;

export type AgentMetricId = keyof typeof AGENT_METRICS;

/** An agent metric's attribute `stage` is `weir.stage` in OTLP and `stage` as a Prometheus label. */
export function agentAttributeKey(attribute: string): AttributeKey {
  return { otlp: `weir.${attribute}`, label: attribute };
}
