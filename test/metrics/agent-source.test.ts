import assert from "node:assert/strict";
import { test } from "node:test";
import { AGENT_METRICS } from "../../src/metrics/agent-metrics.ts";
import type { AgentReadings } from "../../src/metrics/agent-readings.ts";
import { AgentSource } from "../../src/metrics/agent-source.ts";
import type { MetricSource } from "../../src/metrics/metric-source.ts";
import { combineSources } from "../../src/metrics/metric-source.ts";

const INFO = { version: "1.2.3", kernel: "6.18.44", node: "node-1" };

function valuesOf(source: MetricSource, name: string): Record<string, number> {
  const family = source.families.find((candidate) => candidate.name === name);
  assert.ok(family, `no family ${name}`);
  const values: Record<string, number> = {};
  for (let slot = 0; slot < family.slots; slot++) {
    if (family.generation(slot) !== 0) values[family.attributes(slot).join("|")] = family.value(slot);
  }
  return values;
}

function withSource(readings: AgentReadings, check: (source: AgentSource) => void): void {
  const source = new AgentSource(INFO, readings);
  try {
    check(source);
  } finally {
    source.close();
  }
}

test("AgentSource.refresh() exports every reading under its attributes", () => {
  const readings: AgentReadings = {
    features: () => [
      { feature: "tcp", enabled: true },
      { feature: "dns", enabled: false },
    ],
    lostRecords: () => [{ stage: "kernel", reason: "ring_full", records: 23 }],
    maps: () => [{ map: "connections", entries: 7, capacity: 16384 }],
    programs: () => [{ program: "tcp_state", runTimeSeconds: 0.25, runs: 1009, skippedRuns: 2 }],
    otherNodes: () => 31,
    lostCgroupNews: () => 37,
    series: () => [{ family: "weir.flow.io", live: 101, overflowed: 3 }],
    watches: () => [
      {
        resource: "pods",
        synced: true,
        state: "watching",
        states: ["listing", "watching"],
        ageSeconds: 1.5,
        objects: 11,
        lists: 2,
        requests: 7,
        receivedBytes: 4553,
        events: 13,
        errors: { expired: 1, silent: 0 },
      },
    ],
    backendLookups: () => [
      { outcome: "found", lookups: 29 },
      { outcome: "refused", lookups: 31 },
    ],
    exports: () => [
      { signal: "traces", batchesSent: 2, batchesFailed: 1, itemsSent: 20, itemsFailed: 10, itemsDropped: 5 },
    ],
    scrapes: () => ({ served: 4, aborted: 3, rejected: 2, failed: 1 }),
  };
  withSource(readings, (source) => {
    source.refresh();
    assert.deepEqual(valuesOf(source, "weir.agent.info"), { "1.2.3|6.18.44|node-1": 1 });
    assert.deepEqual(valuesOf(source, "weir.feature.enabled"), { tcp: 1, dns: 0 });
    assert.deepEqual(valuesOf(source, "weir.agent.lost_records"), { "kernel|ring_full": 23 });
    assert.deepEqual(valuesOf(source, "weir.agent.bpf.map.entries"), { connections: 7 });
    assert.deepEqual(valuesOf(source, "weir.agent.bpf.map.capacity"), { connections: 16384 });
    assert.deepEqual(valuesOf(source, "weir.agent.bpf.run_time"), { tcp_state: 0.25 });
    assert.deepEqual(valuesOf(source, "weir.agent.bpf.runs"), { tcp_state: 1009 });
    assert.deepEqual(valuesOf(source, "weir.agent.other_nodes.connections"), { "": 31 });
    assert.deepEqual(valuesOf(source, "weir.agent.cgroup_news.lost"), { "": 37 });
    assert.deepEqual(valuesOf(source, "weir.agent.series"), { "weir.flow.io": 101 });
    assert.deepEqual(valuesOf(source, "weir.agent.series.overflow"), { "weir.flow.io": 3 });
    assert.deepEqual(valuesOf(source, "weir.agent.backend_lookups"), { found: 29, refused: 31 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.synced"), { pods: 1 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.age"), { pods: 1.5 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.state"), { "pods|listing": 0, "pods|watching": 1 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.objects"), { pods: 11 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.lists"), { pods: 2 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.requests"), { pods: 7 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.received"), { pods: 4553 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.events"), { pods: 13 });
    assert.deepEqual(valuesOf(source, "weir.agent.watch.errors"), { "pods|expired": 1 });
    assert.deepEqual(valuesOf(source, "weir.agent.export.batches"), { "traces|sent": 2, "traces|failed": 1 });
    assert.deepEqual(valuesOf(source, "weir.agent.export.items"), {
      "traces|sent": 20,
      "traces|failed": 10,
      "traces|dropped": 5,
    });
    assert.deepEqual(valuesOf(source, "weir.agent.scrapes"), { served: 4, aborted: 3, rejected: 2, failed: 1 });
    assert.ok((valuesOf(source, "weir.agent.cpu.time")["user"] ?? 0) > 0);
    assert.ok((valuesOf(source, "weir.agent.memory.resident")[""] ?? 0) > 10_000_000);
    assert.deepEqual(valuesOf(source, "weir.agent.reading_failures"), {});
  });
});

test("AgentSource.refresh() counts a reading that throws and takes the others", () => {
  const readings: AgentReadings = {
    lostRecords: () => {
      throw new Error("the map is closed");
    },
    maps: () => [{ map: "connections", entries: 1, capacity: 2 }],
  };
  withSource(readings, (source) => {
    source.refresh();
    source.refresh();
    assert.deepEqual(valuesOf(source, "weir.agent.reading_failures"), { lost_records: 2 });
    assert.deepEqual(valuesOf(source, "weir.agent.bpf.map.entries"), { connections: 1 });
  });
});

test("AGENT_METRICS has distinct names and a sentence for each", () => {
  const metrics = Object.values(AGENT_METRICS);
  assert.equal(new Set(metrics.map(({ name }) => name)).size, metrics.length);
  for (const { name, description } of metrics) assert.match(description, /^[A-Z0-9].*\.$/, name);
});

test("combineSources() refuses two families of one name", () => {
  withSource({}, (source) => {
    assert.throws(() => combineSources([source, source]), /two are called weir\.agent\.info/);
    assert.equal(combineSources([source]).families.length, source.families.length);
  });
});
