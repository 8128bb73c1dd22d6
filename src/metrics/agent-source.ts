import { AGENT_METRICS, type AgentMetricId, agentAttributeKey } from "./agent-metrics.ts";
import type { AgentReadings } from "./agent-readings.ts";
import { CounterFamily } from "./counter-family.ts";
import { EventLoopDelay } from "./event-loop-delay.ts";
import type { MetricFamily } from "./family.ts";
import { GaugeFamily } from "./gauge-family.ts";
import type { MetricSource } from "./metric-source.ts";

const MICROSECONDS_PER_SECOND = 1e6;

type FamilyOf<Id extends AgentMetricId> = (typeof AGENT_METRICS)[Id]["kind"] extends "counter"
  ? CounterFamily
  : GaugeFamily;
type AgentFamilies = { readonly [Id in AgentMetricId]: FamilyOf<Id> };

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
    const { features, lostRecords, maps, programs, series, unresolved, watches, exports, scrapes } = this.#readings;
    this.#each("features", features, (it) => metrics.featureEnabled.set([it.feature], it.enabled ? 1 : 0));
    this.#each("lost_records", lostRecords, (it) => metrics.lostRecords.observe([it.stage, it.reason], it.records));
    this.#each("maps", maps, (it) => {
      metrics.mapEntries.set([it.map], it.entries);
      metrics.mapCapacity.set([it.map], it.capacity);
    });
    this.#each("programs", programs, (it) => {
      metrics.programRunTime.observe([it.program], it.runTimeSeconds);
      metrics.programRuns.observe([it.program], it.runs);
    });
    this.#each("series", series, (it) => {
      metrics.series.set([it.family], it.live);
      metrics.seriesOverflow.observe([it.family], it.overflowed);
    });
    this.#each("unresolved", unresolved, (it) => metrics.unresolved.observe([it.side], it.lookups));
    this.#each("watches", watches, (it) => {
      metrics.watchSynced.set([it.resource], it.synced ? 1 : 0);
      metrics.watchAge.set([it.resource], it.ageSeconds);
    });
    this.#each("exports", exports, (it) => {
      metrics.exportBatches.observe([it.signal, "sent"], it.batchesSent);
      metrics.exportBatches.observe([it.signal, "failed"], it.batchesFailed);
      metrics.exportItems.observe([it.signal, "sent"], it.itemsSent);
      metrics.exportItems.observe([it.signal, "failed"], it.itemsFailed);
      metrics.exportItems.observe([it.signal, "dropped"], it.itemsDropped);
    });
    this.#each("scrapes", scrapes && (() => [scrapes()]), (it) => {
      metrics.scrapes.observe(["served"], it.served);
      metrics.scrapes.observe(["aborted"], it.aborted);
      metrics.scrapes.observe(["rejected"], it.rejected);
      metrics.scrapes.observe(["failed"], it.failed);
    });
    this.#each(
      "process",
      () => [process.cpuUsage()],
      (cpu) => {
        metrics.processCpu.observe(["user"], cpu.user / MICROSECONDS_PER_SECOND);
        metrics.processCpu.observe(["system"], cpu.system / MICROSECONDS_PER_SECOND);
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
    return [id, metric.kind === "counter" ? new CounterFamily(options) : new GaugeFamily(options, metric.kind)];
  });
  return Object.fromEntries(entries) as AgentFamilies;
}
