import assert from "node:assert/strict";
import { test } from "node:test";
import { ScrapeServer } from "../../../src/export/prometheus/scrape-server.ts";
import { AgentSource } from "../../../src/metrics/agent-source.ts";
import { cleanText } from "../../../src/metrics/clean-text.ts";
import { combineSources } from "../../../src/metrics/metric-source.ts";
import { Prometheus } from "../../rig/prometheus.ts";
import { checkMetrics } from "../../rig/promtool.ts";
import { skipWithout } from "../../rig/tools.ts";
import { HOSTILE_PAIRS, hostileFamilies } from "./hostile-families.ts";

const skip = skipWithout("prometheus");

/** Everything the agent says of itself, so that each of its metrics is linted with a sample. */
function agentSource(): AgentSource {
  return new AgentSource(
    { version: "1.2.3", kernel: "6.18.44", node: "node-1" },
    {
      features: () => [{ feature: "tcp", enabled: true }],
      lostRecords: () => [{ stage: "kernel", reason: "ring_full", records: 0 }],
      maps: () => [{ map: "connections", entries: 7, capacity: 16384 }],
      programs: () => [{ program: "tcp_state", runTimeSeconds: 0.25, runs: 1009, skippedRuns: 2 }],
      series: () => [{ family: "weir.flow.io", live: 101, overflowed: 0 }],
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
      exports: () => [
        { signal: "metrics", batchesSent: 2, batchesFailed: 1, itemsSent: 20, itemsFailed: 10, itemsDropped: 0 },
      ],
      scrapes: () => ({ served: 4, aborted: 3, rejected: 2, failed: 1 }),
    },
  );
}

test("promtool finds nothing to say about the exposition, and Prometheus stores every hostile series with its value", {
  skip,
}, async (t) => {
  const agent = agentSource();
  t.after(() => agent.close());
  const hostile = { families: hostileFamilies(), refresh() {} };
  const server = await ScrapeServer.start({
    host: "127.0.0.1",
    port: 0,
    source: combineSources([agent, hostile]),
    readiness: () => [],
  });
  t.after(() => server.shutdown());
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  assert.deepEqual(await checkMetrics(text), []);

  const prometheus = await Prometheus.start({ targets: [`127.0.0.1:${server.port}`] });
  t.after(() => prometheus.stop());
  await prometheus.waitForValue("count(weir_flow_io_bytes_total)", HOSTILE_PAIRS.length);
  const scrapedAt = await prometheus.scraped();
  const value = (expression: string) => prometheus.value(expression, scrapedAt);
  const samples = await prometheus.query("weir_flow_io_bytes_total", scrapedAt);
  const stored = samples
    .map(({ labels, value }) => [value, labels["client_workload"] ?? "", labels["server_workload"] ?? ""] as const)
    .sort(([a], [b]) => a - b);
  assert.deepEqual(
    stored,
    HOSTILE_PAIRS.map(([client, server], index) => [index + 1, cleanText(client), cleanText(server)]),
  );
  assert.equal(await value("scrape_samples_scraped"), text.split("\n").filter((line) => /^\w/.test(line)).length);
  assert.equal(await value('weir_connect_duration_seconds_bucket{client_workload="a\\"b",le="0.1"}'), 4);
  assert.equal(await value('weir_connect_duration_seconds_count{client_workload="a\\"b"}'), 6);
  assert.equal(await value('histogram_quantile(1, weir_connect_duration_seconds_bucket{client_workload="a\\"b"})'), 5);
  assert.equal(await value("weir_feature_enabled"), 1);
  assert.equal(await value("up"), 1);
});
