import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadAddon } from "../../src/kernel/addon.ts";
import { NodeMonitor } from "../../src/kernel/node-monitor.ts";
import { TcpMonitor } from "../../src/kernel/tcp-monitor.ts";
import { hasTracepoint } from "./has-tracepoint.ts";

/** Where a guest of the kernel matrix collects what its report shows. */
const RESULTS = process.env["GUEST_RESULTS_DIR"];

test("TcpMonitor.open() has every program running that this kernel has a hook for", async () => {
  const monitor = await TcpMonitor.open(loadAddon(), { maxConnections: 1024, ringBytes: 64 * 1024 });
  const programs = monitor.programs();
  monitor.close();
  if (RESULTS !== undefined) writeFileSync(join(RESULTS, "capabilities.json"), JSON.stringify(programs));

  const states = Object.fromEntries(programs.map(({ name, state }) => [name, state]));
  assert.deepEqual(states, {
    tcp_state: "attached",
    tcp_gone: "attached",
    tcp_error: hasTracepoint("inet_sk_error_report") ? "attached" : "failed",
    tcp_sweep: "loaded",
    tcp_survey: "loaded",
  });
  for (const { name, state, detail } of programs) {
    if (state === "failed") assert.notEqual(detail, "", `why ${name} failed`);
  }
});

test("NodeMonitor.open() has every program running", async () => {
  const monitor = await NodeMonitor.open(loadAddon());
  const states = Object.fromEntries(monitor.programs().map(({ name, state }) => [name, state]));
  const { isComplete } = monitor;
  monitor.close();
  assert.deepEqual(states, {
    node_lineage: "loaded",
    node_processes: "loaded",
    cgroup_made: "attached",
    cgroup_gone: "attached",
  });
  assert.equal(isComplete, true);
});
