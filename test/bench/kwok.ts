import { setTimeout as delay } from "node:timers/promises";
import type { AgentProcess } from "../rig/agent-process.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { atRate } from "./at-rate.ts";
import type { Bench, Reading } from "./bench.ts";
import { startFollower, withAgent } from "./followed-cluster.ts";
import { KwokCluster } from "./kwok-cluster.ts";
import { cpuSeconds, residentBytes } from "./process-usage.ts";
import { watchTotals } from "./watch-totals.ts";

const PODS_PER_NODE = 30;
const SETTLED_MS = 600_000;
/** Two events each. */
const COMING_PER_S = 100;
/** Some five events each. */
const REPLACED_PER_S = 38;

/** 5 000 fake pods that kwok has run on a real API server: what it takes to follow them while they come, stay, and are replaced, at some 200 changes a second. */
export const kwok: Bench["measure"] = async ({ quick }) => {
  const pods = quick ? 500 : 5_000;
  const nodes = Math.ceil(pods / PODS_PER_NODE);
  const cluster = await KwokCluster.start(nodes);
  try {
    return await withAgent(startFollower(cluster.server), async (agent) => {
      const readings: Reading[] = [];
      const phase = async (what: string, work: () => Promise<unknown>) => readings.push(await cost(agent, what, work));
      const settled = () => allRunning(cluster, agent, pods);
      // Node compiles for the first of them, and a node's agent has run for long.
      const before = pods / 10;
      await atRate(COMING_PER_S, upTo(before), (index) => cluster.create(index));
      await phase("agent CPU while they come", async () => {
        await atRate(COMING_PER_S, upTo(pods - before), (index) => cluster.create(before + index));
        await settled();
      });
      await phase("agent CPU while they stay", () => delay(quick ? 10_000 : 60_000));
      await phase("agent CPU while a tenth is replaced", async () => {
        await atRate(REPLACED_PER_S, upTo(pods / 10), (index) => cluster.replace(index * 7));
        await settled();
      });
      const { now, peak } = residentBytes(agent.pid);
      const beside = `${pods} pods on ${nodes} nodes; at most ${(peak / 2 ** 20).toFixed(0)}`;
      readings.push({ what: "agent RSS", value: now / 2 ** 20, unit: "MiB", target: { atMost: 150 }, beside });
      return readings;
    });
  } finally {
    await cluster.stop();
  }
};

function upTo(count: number): (begun: number) => boolean {
  return (begun) => begun < count;
}

/** Waits until all pods run, and the agent knows them and no others. */
async function allRunning(cluster: KwokCluster, agent: AgentProcess, pods: number): Promise<void> {
  const look = async () => {
    const known = await agent.sum("weir_agent_watch_objects", { resource: "pods" });
    if (known !== pods) throw new Error(`the agent knows ${known} pods`);
    const running = await cluster.running();
    if (running !== pods) throw new Error(`${running} run; kwok: ${cluster.log().slice(-500)}`);
    return true;
  };
  await waitUntil(look, { what: `${pods} pods to run`, deadlineMs: SETTLED_MS, intervalMs: 2_000 });
}

async function cost(agent: AgentProcess, what: string, work: () => Promise<unknown>): Promise<Reading> {
  const before = await watchTotals(agent);
  const [cpuS, startMs] = [cpuSeconds(agent.pid), performance.now()];
  await work();
  const wallS = (performance.now() - startMs) / 1000;
  const percent = (100 * (cpuSeconds(agent.pid) - cpuS)) / wallS;
  const after = await watchTotals(agent);
  const events = after.events - before.events;
  const beside = `${wallS.toFixed(0)} s, ${(events / wallS).toFixed(0)} events a second, ${((after.bytes - before.bytes) / 1e6).toFixed(1)} MB`;
  return { what, value: percent, unit: "% of a core", target: { atMost: 3 }, beside };
}
