import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricKind } from "../../src/metrics/family.ts";
import { prometheusName } from "../../src/metrics/metric-name.ts";

const CASES: readonly (readonly [string, string, MetricKind, string])[] = [
  ["weir.flow.io", "By", "counter", "weir_flow_io_bytes_total"],
  ["weir.flow.packets", "{packet}", "counter", "weir_flow_packets_total"],
  ["weir.connections.opened", "{connection}", "counter", "weir_connections_opened_total"],
  ["weir.connections.active", "{connection}", "updowncounter", "weir_connections_active"],
  ["weir.connect.duration", "s", "histogram", "weir_connect_duration_seconds"],
  ["weir.tcp.rtt", "s", "histogram", "weir_tcp_rtt_seconds"],
  ["weir.tcp.retransmits", "{segment}", "counter", "weir_tcp_retransmits_total"],
  ["weir.agent.lost_records", "{record}", "counter", "weir_agent_lost_records_total"],
  ["weir.agent.bpf.run_time", "s", "counter", "weir_agent_bpf_run_time_seconds_total"],
  ["weir.feature.enabled", "", "gauge", "weir_feature_enabled"],
  ["weir.agent.info", "", "gauge", "weir_agent_info"],
  ["traces_service_graph_request_total", "", "counter", "traces_service_graph_request_total"],
  ["some.bytes", "By", "gauge", "some_bytes"],
  ["some.speed", "By/s", "gauge", "some_speed_bytes_per_second"],
  ["some.share", "1", "gauge", "some_share_ratio"],
  ["some.things", "1", "counter", "some_things_total"],
  ["9-lives", "", "gauge", "_9_lives"],
];

for (const [name, unit, kind, expected] of CASES) {
  test(`prometheusName() makes ${expected} of the ${kind} ${name} in "${unit}"`, () => {
    assert.equal(prometheusName(name, unit, kind), expected);
  });
}
