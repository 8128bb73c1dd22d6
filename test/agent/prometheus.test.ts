import assert from "node:assert/strict";
import { test } from "node:test";
import { connectPeer, PeerClient, PeerServer } from "../lab/peer.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { freePort } from "../rig/free-port.ts";
import { Prometheus } from "../rig/prometheus.ts";
import { checkMetrics } from "../rig/promtool.ts";
import { skipWithout } from "../rig/tools.ts";
import { NamedPlace } from "./named-place.ts";

/** 23 connections that carry 104 729 bytes together: 22 of 4 553, and one of the rest. */
const COUNT = 23;
const EACH = 4553;
const REST = 104_729 - (COUNT - 1) * EACH;

test("a real Prometheus gets exact numbers on one edge, once, and a valid exposition", {
  skip: skipWithout("prometheus"),
}, async (t) => {
  const agent = await AgentProcess.startReady({ flags: ["--flows.sweep-interval", "250ms", "--bpf-statistics"] });
  t.after(() => agent.kill());
  const prometheus = await Prometheus.start({ targets: [agent.address] });
  t.after(() => prometheus.stop());
  await prometheus.scraped();
  const [client, server, refused] = [new NamedPlace(t), new NamedPlace(t), new NamedPlace(t)];
  const [port, closedPort] = [await freePort("::"), await freePort()];

  const peer = await PeerServer.start(server, { port });
  const to = { to: "127.0.0.1", port };
  await connectPeer(client, { ...to, count: COUNT - 1, send: EACH, halfClose: true });
  const sent = await connectPeer(client, { ...to, send: REST, halfClose: true });
  assert.equal(sent.bytesSent, REST);
  await connectPeer(client, { to: "::1", port, count: 7, halfClose: true });
  await connectPeer(refused, { to: "127.0.0.1", port: closedPort, count: 5 });
  const held = await PeerClient.start(client, { ...to, count: 11, hold: true });
  t.after(() => held.stop());
  await held.holding();
  await agent.waitForSum("weir_connections_active", { client_workload: client.label }, 11);
  await agent.waitForSum("weir_connections_closed_total", { client_workload: client.label }, COUNT + 7);
  await agent.waitForSum("weir_connections_failed_total", { client_workload: refused.label }, 5);
  const scrapedAt = await prometheus.scraped();

  const edge = `{client_workload="${client.label}",server_workload="${server.label}",server_port="${port}",transport="tcp"}`;
  const value = (expression: string) => prometheus.value(expression, scrapedAt);
  assert.equal(await value(`weir_flow_io_bytes_total${edge.replace("}", ',direction="request"}')}`), 104_729);
  assert.equal(await value(`weir_flow_io_bytes_total${edge.replace("}", ',direction="response"}')}`), 0);
  assert.equal(await value(`weir_connections_opened_total${edge}`), COUNT + 7 + 11);
  assert.equal(await value(`weir_connections_closed_total${edge}`), COUNT + 7);
  assert.equal(await value(`weir_connections_active${edge}`), 11);
  // Once: whatever else has anything to do with this port or these processes, there is no more of it.
  for (const selector of [
    `server_port="${port}"`,
    `client_workload="${client.label}"`,
    `server_workload="${server.label}"`,
  ]) {
    assert.equal(await value(`sum(weir_flow_io_bytes_total{${selector}})`), 104_729, selector);
    assert.equal(await value(`sum(weir_connections_opened_total{${selector}})`), COUNT + 7 + 11, selector);
    assert.equal(await value(`count(weir_connections_opened_total{${selector}})`), 1, selector);
  }
  assert.equal(await value(`sum(weir_connections_opened_total{client_workload="${server.label}"}) or vector(0)`), 0);
  assert.equal(
    await value(
      `sum(weir_connections_failed_total{server_port="${closedPort}",reason="refused",client_workload="${refused.label}"})`,
    ),
    5,
  );
  assert.equal(await value(`sum(weir_connections_failed_total{server_port="${closedPort}"})`), 5);
  assert.equal(await value(`sum(weir_connections_opened_total{server_port="${closedPort}"}) or vector(0)`), 0);

  // Histograms: a connect takes less than a second here, and every one is in a bucket.
  const connects = `weir_connect_duration_seconds_bucket${edge}`;
  assert.equal(await value(connects.replace("}", ',le="+Inf"}')), COUNT + 7 + 11);
  assert.equal(await value(connects.replace("}", ',le="1.0"}')), COUNT + 7 + 11);
  assert.equal(await value(`weir_connect_duration_seconds_count${edge}`), COUNT + 7 + 11);
  assert.equal(await value(`weir_connection_duration_seconds_count${edge}`), COUNT + 7);
  assert.ok(((await value(`histogram_quantile(0.99, sum by (le) (${connects}))`)) ?? 9) < 1);

  // About itself.
  assert.equal(await value("count(weir_agent_info)"), 1);
  assert.equal(await value('weir_feature_enabled{feature="tcp_state"}'), 1);
  assert.ok(((await value('weir_agent_bpf_runs_total{program="tcp_state"}')) ?? 0) > 2 * COUNT);
  assert.ok(((await value("weir_agent_memory_resident_bytes")) ?? 0) > 1e7);
  assert.deepEqual(await checkMetrics(await agent.exposition()), []);
  assert.equal(await value("up"), 1);
  await held.stop();
  await peer.stop();
});
