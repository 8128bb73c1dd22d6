import { setTimeout as delay } from "node:timers/promises";
import type { AgentProcess } from "../rig/agent-process.ts";
import { atRate } from "./at-rate.ts";
import type { Bench, Reading } from "./bench.ts";
import type { BigCluster } from "./big-cluster.ts";
import { startFollower, withAgent, withBigCluster } from "./followed-cluster.ts";
import { cpuSeconds, residentBytes } from "./process-usage.ts";
import { longestTurns } from "./turns-of-agent.ts";
import { watchTotals } from "./watch-totals.ts";

const CHANGES_PER_S = 200;

/** 10 000 pods and 5 000 Services on a real API server, with 200 changes per second: what the agent takes to follow. */
export const scale: Bench["measure"] = async ({ quick }) => {
  const size = quick ? { pods: 1_000, services: 500, nodes: 50 } : { pods: 10_000, services: 5_000, nodes: 330 };
  const seconds = quick ? 10 : 60;
  return await withBigCluster(size, async (cluster) => {
    const readings = await withAgent(startFollower(cluster.server), (agent) => follow(cluster, agent, seconds));
    const { fetching, following } = await longestTurns(cluster.server, () => changeFor(cluster, seconds * 1000));
    return [
      ...readings,
      turn("longest turn of the event loop while it follows", following, "CPU of its thread alone, to 4 ms", 20),
      turn(
        "longest turn of the event loop while it fetches the first list",
        fetching,
        "likewise; from when it serves metrics",
        20,
      ),
    ];
  });
};

async function follow(cluster: BigCluster, agent: AgentProcess, seconds: number): Promise<Reading[]> {
  const peakAtStart = residentBytes(agent.pid).peak;
  const idle = await cpuWhile(agent, () => delay(seconds * 1000));
  const before = await watchTotals(agent);
  const busy = await cpuWhile(agent, () => changeFor(cluster, seconds * 1000));
  const events = (await watchTotals(agent)).events - before.events;
  const changesPerS = events / busy.wallS;
  const late = await agent.sum("weir_agent_event_loop_delay_max_seconds");
  const resident = residentBytes(agent.pid);
  const own = `${(resident.own / 2 ** 20).toFixed(0)} MiB its own; the rest is of files, with huge pages more at some times`;
  const { pods, services } = cluster.size;
  const at = `${pods} pods, ${services} Services, ${changesPerS.toFixed(0)} changes a second`;
  return [
    {
      what: "changes a second",
      value: changesPerS,
      unit: "",
      target: { atLeast: 0.9 * CHANGES_PER_S },
      beside: "fewer: the API server got too little of this machine, and the CPU below is not that of 200",
    },
    {
      what: "agent CPU with these changes",
      value: (100 * busy.cpuS) / busy.wallS,
      unit: "% of a core",
      target: { atMost: 3 },
      beside: `before them ${((100 * idle.cpuS) / idle.wallS).toFixed(2)} %, for all connections of this machine; ${at}`,
    },
    mebibytes("agent RSS while it follows", resident.now, own, 150),
    mebibytes("agent RSS at most, first list included", Math.max(peakAtStart, resident.peak), at),
    turn("longest delay of the event loop", late * 1000, "elapsed time: what else the machine does counts"),
  ];
}

function turn(what: string, value: number, beside: string, atMost?: number): Reading {
  return { what, value, unit: "ms", beside, ...(atMost === undefined ? {} : { target: { atMost } }) };
}

function mebibytes(what: string, bytes: number, beside: string, atMost?: number): Reading {
  return { what, value: bytes / 2 ** 20, unit: "MiB", beside, ...(atMost === undefined ? {} : { target: { atMost } }) };
}

async function cpuWhile(agent: AgentProcess, work: () => Promise<unknown>): Promise<{ cpuS: number; wallS: number }> {
  const [cpuS, startMs] = [cpuSeconds(agent.pid), performance.now()];
  await work();
  return { cpuS: cpuSeconds(agent.pid) - cpuS, wallS: (performance.now() - startMs) / 1000 };
}

/** 200 changes a second, or as many as the API server takes. */
function changeFor(cluster: BigCluster, durationMs: number): Promise<void> {
  return atRate(
    CHANGES_PER_S,
    (_, elapsedMs) => elapsedMs < durationMs,
    (index) => cluster.change(index),
  );
}
