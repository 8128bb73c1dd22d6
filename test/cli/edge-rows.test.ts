import assert from "node:assert/strict";
import { test } from "node:test";
import { EdgeRows } from "../../src/cli/edge-rows.ts";
import type { MetricFamily } from "../../src/metrics/family.ts";

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
  readonly buckets?: readonly number[];
}

function family(name: string, series: readonly Series[], bounds: readonly number[] = []): MetricFamily {
  const labels = Object.keys(series[0]?.labels ?? {});
  return {
    name,
    description: "",
    unit: "",
    kind: bounds.length > 0 ? "histogram" : "counter",
    attributeKeys: labels.map((label) => ({ otlp: label, label })),
    bounds,
    // Slot 0 is free: readers must skip it.
    slots: series.length + 1,
    generation: (slot) => (slot === 0 ? 0 : 1),
    attributes: (slot) => labels.map((label) => series[slot - 1]?.labels[label] ?? ""),
    startUnixMs: () => 0,
    value: (slot) => series[slot - 1]?.value ?? Number.NaN,
    sum: () => 0,
    bucket: (slot, index) => series[slot - 1]?.buckets?.[index] ?? 0,
  };
}

const EDGE = {
  client_namespace: "shop",
  client_workload: "web",
  client_kind: "Deployment",
  server_namespace: "shop",
  server_workload: "db",
  server_kind: "StatefulSet",
  server_service: "db",
  server_port: "5432",
  transport: "tcp",
};

test("EdgeRows.rows() joins an edge's families and gives rates since the last call", () => {
  const io = [
    { labels: { ...EDGE, direction: "request" }, value: 100 },
    { labels: { ...EDGE, direction: "response" }, value: 1_000 },
  ];
  const opened = [{ labels: EDGE, value: 3 }];
  const failed = [
    { labels: { ...EDGE, reason: "refused" }, value: 2 },
    { labels: { ...EDGE, reason: "timeout" }, value: 5 },
  ];
  const connect = [{ labels: EDGE, value: 4, buckets: [0, 4, 0] }];
  let nowMs = 0;
  const edges = new EdgeRows(
    () => [
      family("weir.flow.io", io),
      family("weir.connections.opened", opened),
      family("weir.connections.active", [{ labels: EDGE, value: 7 }]),
      family("weir.connections.failed", failed),
      family("weir.connect.duration", connect, [0.001, 0.003]),
      family("weir.agent.info", [{ labels: { version: "1" }, value: 1 }]),
    ],
    () => nowMs,
  );
  for (const series of [...io, ...opened]) series.value += 46;
  nowMs = 2_000;
  assert.deepEqual(edges.rows(), [
    {
      client: { kind: "Deployment", namespace: "shop", workload: "web" },
      server: { kind: "StatefulSet", namespace: "shop", workload: "db" },
      service: "db",
      port: "5432",
      connectionsPerSecond: 23,
      active: 7,
      failed: 7,
      requestBytesPerSecond: 23,
      responseBytesPerSecond: 23,
      connectP50Seconds: 0.002,
    },
  ]);
  nowMs = 3_000;
  assert.equal(edges.rows()[0]?.requestBytesPerSecond, 0);
});

test("EdgeRows.rows() takes a total that fell for an edge that began again", () => {
  const io = [{ labels: { ...EDGE, direction: "request" }, value: 1_000 }];
  let nowMs = 0;
  const edges = new EdgeRows(
    () => [family("weir.flow.io", io)],
    () => nowMs,
  );
  io[0] = { labels: { ...EDGE, direction: "request" }, value: 10 };
  nowMs = 1_000;
  assert.equal(edges.rows()[0]?.requestBytesPerSecond, 10);
});
