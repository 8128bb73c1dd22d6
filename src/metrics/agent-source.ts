import { AGENT_METRICS, type AgentMetricId, agentAttributeKey } from "./agent-metrics.ts";
import type { AgentReadings } from "./agent-readings.ts";
import { EventLoopDelay } from "./event-loop-delay.ts";
import type { MetricFamily } from "./family.ts";
import type { MetricSource } from "./metric-source.ts";
import { ValueFamily } from "./value-family.ts";

const MICROSECONDS_PER_SECOND = 1e6;

type AgentFamilies = { readonly [Id in AgentMetricId]: ValueFamily };

/** What `weir_agent_info` says. */
export interface AgentInfo {
  readonly version: string;
  /** Kernel release, as `uname -r` prints it. */
  readonly kernel: string;
  readonly node: string;
}

/** The agent's metrics about itself, as in `AGENT_METRICS`. */
export class AgentSource implements MetricSource {
  readonly families: readonly MetricFamily[];
  readonly #metrics: AgentFamilies;
  readonly #readings: AgentReadings;
  readonly #eventLoop: EventLoopDelay;

  constructor(info: AgentInfo, readings: AgentReadings, now: () => number = Date.now) {
    this.#metrics = makeFamilies(now);
    this.families = Object.values(this.#metrics);
    this.#readings = readings;
    this.#eventLoop = new EventLoopDelay();
    this.#metrics.info.set([info.version, info.kernel, info.node], 1);
  }

  /** Reads everything anew. A reading that throws keeps its last values and is counted; the others go on. */
  refresh(): void {
    const metrics = this.#metrics;
    const {
      features,
      lostRecords,
      maps,
      programs,
      otherNodes,
      lostCgroupNews,
      series,
      unresolved,
      backendLookups,
      watches,
      peers,
      exports,
      scrapes,
    } = this.#readings;
    this.#each("features", features, (it) => metrics.featureEnabled.set([it.feature], it.enabled ? 1 : 0));
    this.#each("lost_records", lostRecords, (it) => metrics.lostRecords.set([it.stage, it.reason], it.records));
    this.#each("maps", maps, (it) => {
      metrics.mapEntries.set([it.map], it.entries);
      metrics.mapCapacity.set([it.map], it.capacity);
    });
    this.#each("programs", programs, (it) => {
      metrics.programRunTime.set([it.program], it.runTimeSeconds);
      metrics.programRuns.set([it.program], it.runs);
      metrics.programSkipped.set([it.program], it.skippedRuns);
    });
    this.#each("cgroup_news", lostCgroupNews && (() => [lostCgroupNews()]), (it) => metrics.lostCgroupNews.set([], it));
    this.#each("other_nodes", otherNodes && (() => [otherNodes()]), (it) => metrics.otherNodes.set([], it));
    this.#each("series", series, (it) => {
      metrics.series.set([it.family], it.live);
      metrics.seriesOverflow.set([it.family], it.overflowed);
    });
    this.#each("unresolved", unresolved, (it) => metrics.unresolved.set([it.side], it.lookups));
    this.#each("backend_lookups", backendLookups, (it) => {
      metrics.backendLookups.set([it.outcome], it.lookups);
    });
    this.#each("watches", watches, (it) => {
      metrics.watchSynced.set([it.resource], it.synced ? 1 : 0);
      metrics.watchAge.set([it.resource], it.ageSeconds);
      for (const state of it.states) metrics.watchState.set([it.resource, state], state === it.state ? 1 : 0);
      metrics.watchObjects.set([it.resource], it.objects);
      metrics.watchLists.set([it.resource], it.lists);
      metrics.watchRequests.set([it.resource], it.requests);
      metrics.watchReceived.set([it.resource], it.receivedBytes);
      metrics.watchEvents.set([it.resource], it.events);
      for (const [kind, errors] of Object.entries(it.errors)) {
        if (errors > 0) metrics.watchErrors.set([it.resource, kind], errors);
      }
    });
    this.#each("peers", peers && (() => [peers()]), (it) => {
      metrics.peerAgents.set([], it.agents);
      metrics.connectionsLeft.set([], it.connectionsLeft);
      for (const [question, outcomes] of Object.entries(it.questions)) {
        for (const [outcome, count] of Object.entries(outcomes)) metrics.peerQuestions.set([question, outcome], count);
      }
    });
    this.#each("exports", exports, (it) => {
      metrics.exportBatches.set([it.signal, "sent"], it.batchesSent);
      metrics.exportBatches.set([it.signal, "failed"], it.batchesFailed);
      metrics.exportItems.set([it.signal, "sent"], it.itemsSent);
      metrics.exportItems.set([it.signal, "failed"], it.itemsFailed);
      metrics.exportItems.set([it.signal, "dropped"], it.itemsDropped);
    });
    this.#each("scrapes", scrapes && (() => [scrapes()]), (it) => {
      metrics.scrapes.set(["served"], it.served);
      metrics.scrapes.set(["aborted"], it.aborted);
      metrics.scrapes.set(["rejected"], it.rejected);
      metrics.scrapes.set(["failed"], it.failed);
    });
    this.#each(
      "process",
      () => [process.cpuUsage()],
      (cpu) => {
        metrics.processCpu.set(["user"], cpu.user / MICROSECONDS_PER_SECOND);
        metrics.processCpu.set(["system"], cpu.system / MICROSECONDS_PER_SECOND);
        metrics.processMemory.set([], process.memoryUsage.rss());
        const delay = this.#eventLoop.read();
        metrics.eventLoopDelayMax.set([], delay.maxSeconds);
        metrics.eventLoopDelayP99.set([], delay.p99Seconds);
      },
    );
  }

  /** Stops the measurement of the event loop. */
  close(): void {
    this.#eventLoop.close();
  }

  #each<T>(reading: string, read: (() => Iterable<T>) | undefined, take: (item: T) => void): void {
    if (read === undefined) return;
    try {
      for (const item of read()) take(item);
    } catch {
      this.#metrics.readingFailures.add([reading], 1);
    }
  }
}

function makeFamilies(now: () => number): AgentFamilies {
  const entries = Object.entries(AGENT_METRICS).map(([id, metric]) => {
    const { name, unit, description } = metric;
    const options = { name, unit, description, attributeKeys: metric.attributes.map(agentAttributeKey), now };
    return [id, new ValueFamily(metric.kind, options)];
  });
  return Object.fromEntries(entries) as AgentFamilies;
}
