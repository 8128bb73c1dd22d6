import { release } from "node:os";
import type { Logger } from "pino";
import { EdgeRows } from "./cli/edge-rows.ts";
import type { TableSource } from "./cli/table-source.ts";
import { VERSION } from "./cli/version.ts";
import type { Config } from "./config/schema.ts";
import { startOtlp } from "./export/otlp/otlp-exporter.ts";
import type { OtlpExporter } from "./export/otlp/running-export.ts";
import { type Route, ScrapeServer } from "./export/prometheus/scrape-server.ts";
import { EdgeTable } from "./flows/edge-table.ts";
import { FlowCounter } from "./flows/flow-counter.ts";
import { FlowLoop } from "./flows/flow-loop.ts";
import type { AddressWords } from "./identity/endpoint.ts";
import { EndpointLabels } from "./identity/endpoint-labels.ts";
import type { ForwardedConnection } from "./identity/forwarded-connection.ts";
import { type OwnNode, ownNode } from "./identity/own-node.ts";
import { Resolver } from "./identity/resolver.ts";
import { type Addon, loadAddon } from "./kernel/addon.ts";
import { Conntrack } from "./kernel/conntrack.ts";
import { NodeMonitor } from "./kernel/node-monitor.ts";
import { TcpMonitor } from "./kernel/tcp-monitor.ts";
import { findCredentials } from "./kubernetes/find-credentials.ts";
import { KubernetesWatches } from "./kubernetes/kubernetes-watches.ts";
import { WATCH_PHASES } from "./kubernetes/watch-state.ts";
import type { AgentReadings, LostReading } from "./metrics/agent-readings.ts";
import { AgentSource } from "./metrics/agent-source.ts";
import { combineSources } from "./metrics/metric-source.ts";
import { AgentClient } from "./peers/agent-client.ts";
import { AgentService } from "./peers/agent-service.ts";
import { lookUpBackends } from "./peers/backend-lookup.ts";
import { BACKEND_WIRE } from "./peers/backend-wire.ts";
import { NodePorts } from "./peers/node-ports.ts";
import { lookUpOrigins } from "./peers/origin-lookup.ts";
import { ORIGIN_WIRE } from "./peers/origin-wire.ts";
import { Origins } from "./peers/origins.ts";

const NS_PER_MS = 1e6;
const NS_PER_S = 1e9;
const MS_PER_S = 1e3;
/** Counting waits so long for the first list of the cluster's objects; the kernel keeps the records meanwhile. */
const DISCOVERY_MS = 5_000;
/** After it, an agent that counts has run what it will run often. */
const SETTLED_MS = 5_000;
/** A drain that brings more of the ring than this is followed by another at once. */
const PRESSING_SHARE = 0.25;
/** Where agents answer each other. */
const ORIGINS_PATH = "/origins";
const BACKENDS_PATH = "/backends";

/** Resources without which names are less exact, and nothing else is amiss. */
const REFINING: ReadonlySet<string> = new Set(["endpointslices", "jobs", "replicasets"]);

/** A running agent. */
export interface Agent {
  /** Where metrics are served. */
  readonly metricsUrl: string;
  /** Why `/readyz` says no, a line each; empty once programs are attached and the first discovery is complete. */
  notReady(): string[];
  /** What the live table shows. */
  table(): TableSource;
  /** Counts what the kernel still holds, exports it, and detaches. Idempotent. */
  shutdown(): Promise<void>;
}

/**
 * Wires the parts together, and owns their start and stop: data goes one way, from the kernel through flows to the exporters.
 * Returns once metrics are served; `notReady()` tells when they are complete.
 *
 * @throws {Error} where the agent could not do its job: no permission to load programs, an address in use, a setting
 *   that cannot work. What was started by then is stopped again.
 */
export async function startAgent(config: Config, environment: NodeJS.ProcessEnv, log: Logger): Promise<Agent> {
  // in the order of their start; stopped in reverse
  const stops: (() => void | Promise<void>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  try {
    return await start(config, environment, log, stops, stopAll);
  } catch (error) {
    await stopAll();
    throw error;
  }
}

function scopeOf({ bounds, because }: OwnNode): string {
  return bounds === undefined ? `the whole host: ${because}` : `one node of several on this kernel: ${because}`;
}

async function start(
  config: Config,
  environment: NodeJS.ProcessEnv,
  log: Logger,
  stops: (() => void | Promise<void>)[],
  stopAll: () => Promise<void>,
): Promise<Agent> {
  const credentials = await findCredentials(config.kubernetes, environment);
  const addon = loadAddon();
  const nodeMonitor = await NodeMonitor.open(addon);
  stops.push(() => nodeMonitor.close());
  const node = ownNode(nodeMonitor.lineage());
  const monitor = await TcpMonitor.open(addon, {
    maxConnections: config.flows.maxConnections,
    ringBytes: config.flows.ringSizeBytes,
    ...(node.bounds && { node: node.bounds }),
  });
  stops.push(() => monitor.close());
  const programs = () => [...monitor.programs(), ...nodeMonitor.programs()];
  const refused = programs().filter(({ state }) => state === "failed");
  for (const { name, hook, detail } of refused) {
    log.warn({ program: name, hook, detail }, "this kernel refuses a program; what it feeds is missing");
  }
  if (config.bpfStatistics) addon.measureRunTime(true);

  const labels = new EndpointLabels(config.labels);
  const resolver = new Resolver({
    hostName: config.nodeName,
    cluster: credentials !== undefined,
    ownPodUid: config.podUid,
    procPath: config.host.proc,
    node,
    ...(nodeMonitor.isComplete && { kernel: nodeMonitor }),
    externalNetworks: config.external.cidrs,
    labels,
  });
  stops.push(() => resolver.shutdown());
  const watches =
    credentials &&
    new KubernetesWatches({
      credentials,
      sink: resolver.directory,
      owners: config.kubernetes,
      selection: {
        labels: labels.podLabelKeys,
        annotations: labels.podAnnotationKeys,
        serviceLabels: config.kubernetes.serviceLabels,
      },
      onError: (resource, error) => log.warn({ resource, kind: error.kind }, error.message),
      onRecovery: (resource, downMs) =>
        log.info({ resource, downMs: Math.round(downMs) }, `${resource} are watched again`),
    });
  if (watches) stops.push(() => watches.shutdown());

  // Without a cluster nobody knows a Service to ask about.
  const maxLookups = credentials === undefined ? 0 : config.flows.maxBackendLookups;
  const conntrack = maxLookups === 0 ? undefined : openConntrack(addon, maxLookups, log);
  if (conntrack) stops.push(() => conntrack.close());
  const lookUp = conntrack && ((asked: readonly ForwardedConnection[]) => lookUpOrigins(conntrack, asked));
  const agentAt = (path: string) => (address: AddressWords) => {
    const host = resolver.agentAt(address);
    return host && `http://${urlHost(host)}:${config.listen.port}${path}`;
  };
  const originClient = new AgentClient(ORIGIN_WIRE);
  stops.push(() => originClient.shutdown());
  const origins = new Origins({ lookUp, client: originClient, agentAt: agentAt(ORIGINS_PATH) });
  const backendClient = new AgentClient(BACKEND_WIRE);
  stops.push(() => backendClient.shutdown());
  const nodePorts = new NodePorts({ client: backendClient, agentAt: agentAt(BACKENDS_PATH) });

  let otlp: OtlpExporter | undefined;
  const edges = new EdgeTable({
    maxEdges: config.flows.maxEdges,
    idleExpiryMs: config.flows.idleExpiryMs,
    labels: labels.labels,
  });
  const counter = new FlowCounter({
    layout: monitor.layout,
    identity: resolver,
    edges,
    origins,
    onConnection: (event) => otlp?.connection?.(event),
    allConnections: config.spans.closed,
    skippedRuns: () => monitor.skippedRuns(),
    conntrack,
    nodePorts,
    onError: (error) => log.error({ err: error }, "an answer of connection tracking could not be taken"),
    clock: { unixMs: Date.now, monotonicNs: () => Number(process.hrtime.bigint()) },
  });
  let failedCollections = 0;
  const loop = new FlowLoop({
    monitor,
    counter,
    drainIntervalMs: config.flows.drainIntervalMs,
    sweepIntervalMs: config.flows.sweepIntervalMs,
    pressingRecords: (config.flows.ringSizeBytes * PRESSING_SHARE) / monitor.layout.recordBytes,
    nowMs: () => Number(process.hrtime.bigint()) / NS_PER_MS,
    onError: (error) => {
      failedCollections++;
      log.error({ err: error }, "a collection of the kernel's records failed");
    },
  });

  let discovered = false;
  const notReady = (): string[] => {
    const reasons: string[] = [];
    if (!monitor.isCounting)
      reasons.push("connections are not counted: the program tcp_state is not attached, see the log");
    if (!discovered) reasons.push("the first discovery of this host's processes and pods is not complete");
    for (const watch of watches?.states() ?? []) {
      const { resource, synced, phase, lastError } = watch;
      if (phase === "denied" && REFINING.has(resource)) continue;
      if (!synced) reasons.push(`the list of ${resource} is not complete: ${lastError || phase}`);
      else if (phase === "denied") reasons.push(`the list of ${resource} grows old: ${lastError}`);
    }
    return reasons;
  };

  const lostRecords = (): LostReading[] => [
    ...[...monitor.lost()].map(([reason, records]) => ({ stage: "kernel", reason, records })),
    { stage: "kernel", reason: "collection_failed", records: failedCollections },
    { stage: "flows", reason: "before_start", records: counter.unbornSkipped },
    { stage: "flows", reason: "wait_refused", records: counter.waitRefused },
    { stage: "flows", reason: "hold_refused", records: counter.holdRefused },
  ];
  const readings: AgentReadings = {
    features: () => [
      ...programs().map(({ name, state }) => ({ feature: name, enabled: state !== "failed" })),
      { feature: "conntrack", enabled: conntrack !== undefined },
    ],
    lostRecords,
    maps: () => [
      { map: "connections", entries: counter.liveConnections, capacity: monitor.maxConnections },
      { map: "waiting_halves", entries: counter.waiting, capacity: counter.waitingCapacity },
      { map: "held_records", entries: counter.held, capacity: counter.heldCapacity },
    ],
    programs: () =>
      [...monitor.statistics(), ...nodeMonitor.statistics()].map(({ name, runTimeNs, runs, missed }) => ({
        program: name,
        runTimeSeconds: runTimeNs / NS_PER_S,
        runs,
        skippedRuns: missed,
      })),
    otherNodes: () => monitor.elsewhere(),
    lostCgroupNews: () => nodeMonitor.lostNews,
    series: () => [
      { family: "edges", live: edges.size, overflowed: edges.overflowed },
      { family: "label_values", live: labels.size, overflowed: labels.refusals },
    ],
    backendLookups: () => {
      if (conntrack === undefined) return [];
      const { found, absent, refused, failed } = conntrack.stats();
      const unlisted = Math.min(found, resolver.stats().unlistedBackends);
      return [
        { outcome: "found", lookups: found - unlisted },
        { outcome: "unlisted", lookups: unlisted },
        { outcome: "absent", lookups: absent },
        { outcome: "refused", lookups: refused },
        { outcome: "failed", lookups: failed },
      ];
    },
    unresolved: () => {
      const { unresolvedLocal, unresolvedRemote } = resolver.stats();
      return [
        { side: "local", lookups: unresolvedLocal },
        { side: "remote", lookups: unresolvedRemote },
      ];
    },
    watches: () =>
      (watches?.states() ?? []).map(({ synced, phase, lastEventUnixMs, ...rest }) => ({
        ...rest,
        synced: synced && phase === "watching",
        state: phase,
        states: WATCH_PHASES,
        ageSeconds: (Date.now() - lastEventUnixMs) / MS_PER_S,
      })),
    peers: () => ({
      agents: resolver.directory.peers.size,
      connectionsLeft: counter.leftToPeers,
      questions: { origin: originClient.stats(), backend: backendClient.stats() },
    }),
    exports: () => otlp?.stats() ?? [],
    scrapes: () => server.stats(),
  };
  const self = new AgentSource({ version: VERSION, kernel: release(), node: config.nodeName }, readings);
  stops.push(() => self.close());
  const source = combineSources([{ families: edges.metrics.all, refresh() {} }, self]);
  const routes = new Map<string, Route>();
  if (conntrack && lookUp) {
    const nodes = {
      areKnown: () => watches?.states().find(({ resource }) => resource === "nodes")?.synced === true,
      has: (address: AddressWords) => resolver.isNode(address),
    };
    const originService = new AgentService({ wire: ORIGIN_WIRE, lookUp, nodes });
    routes.set(ORIGINS_PATH, (request, response) => originService.answer(request, response));
    const backendService = new AgentService({
      wire: BACKEND_WIRE,
      lookUp: (asked) => lookUpBackends(conntrack, asked),
      nodes,
    });
    routes.set(BACKENDS_PATH, (request, response) => backendService.answer(request, response));
  }
  const server = await ScrapeServer.start({ ...config.listen, source, readiness: notReady, routes });
  stops.push(() => server.shutdown());
  otlp = await startOtlp({
    source,
    config: config.otlp,
    spans: { ...config.spans, bothEnds: false },
    version: VERSION,
    resource: { "k8s.node.name": config.nodeName },
    log,
  });
  stops.push(() => otlp?.shutdown());

  log.info({ cgroup: node.bounds?.path ?? "/", agent: node.agentPath }, `measuring ${scopeOf(node)}`);

  const counting = count();
  // before the exporters stop, so that they export the last that is counted
  stops.push(async () => {
    await counting;
    await loop.shutdown();
  });

  async function count(): Promise<void> {
    watches?.start();
    await resolver.start();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, DISCOVERY_MS);
    });
    await Promise.race([watches?.whenSynced(), patience]);
    clearTimeout(timer);
    if (watches?.synced) resolver.directory.listed();
    else void watches?.whenSynced().then(() => resolver.directory.listed());
    counter.countSurvey(await monitor.survey());
    discovered = true;
    loop.start();
    // most of Node was needed to start it
    setTimeout(() => addon.pageOutProgram(), SETTLED_MS).unref();
  }
  counting.catch((error: unknown) => log.fatal({ err: error }, "the first discovery failed; nothing is counted"));

  const metricsUrl = `http://${urlHost(config.listen.host)}:${server.port}/metrics`;
  return {
    metricsUrl,
    notReady,
    table() {
      const rows = new EdgeRows(() => edges.metrics.all, Date.now);
      return {
        rows: () => rows.rows(),
        status: () => ({
          nodeName: config.nodeName,
          metricsUrl,
          notReady: notReady(),
          lostRecords: lostRecords().reduce((sum, { records }) => sum + records, 0),
        }),
      };
    },
    shutdown: stopAll,
  };
}

/** Connection tracking in this network namespace, or why backends of Services stay unknown in the log. */
function openConntrack(addon: Addon, maxPerSecond: number, log: Logger): Conntrack | undefined {
  try {
    return Conntrack.open(addon, { maxPerSecond, nowMs: () => Number(process.hrtime.bigint()) / NS_PER_MS });
  } catch (error) {
    log.warn(
      { err: error },
      "no connection tracking to ask: backends of Services on other nodes, and clients that this node forwards, are not named",
    );
    return undefined;
  }
}

/** An address as URLs have it. */
function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
