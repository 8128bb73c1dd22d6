import { setTimeout as delay } from "node:timers/promises";
import type { AgentProcess } from "../rig/agent-process.ts";
import type { Bench, Reading } from "./bench.ts";
import { startAgent } from "./bench-agent.ts";
import { BigCluster } from "./big-cluster.ts";
import { cpuSeconds, residentBytes } from "./process-usage.ts";
import { watchTotals } from "./watch-totals.ts";

const CHANGES_PER_S = 200;

/** 10 000 pods and 5 000 Services on a real API server, with 200 changes per second: what the agent takes to follow. */
export const scale: Bench["measure"] = async ({ quick }) => {
  const size = quick ? { pods: 1_000, services: 500, nodes: 50 } : { pods: 10_000, services: 5_000, nodes: 330 };
  const seconds = quick ? 10 : 60;
  const cluster = await BigCluster.start(size);
  try {
    const agent = await startAgent([
      "--kubernetes.kubeconfig",
      cluster.server.adminKubeconfig,
      "--node-name",
      "node-0",
    ]);
    try {
      const peakAtStart = residentBytes(agent.pid).peak;
      const idle = await cpuWhile(agent, () => delay(seconds * 1000));
      const before = await watchTotals(agent);
      const busy = await cpuWhile(agent, () => changeFor(cluster, seconds * 1000));
      const events = (await watchTotals(agent)).events - before.events;
      const changesPerS = events / busy.wallS;
      const block = await agent.sum("weir_agent_event_loop_delay_max_seconds");
      const at = `${size.pods} pods, ${size.services} Services, ${changesPerS.toFixed(0)} changes a second`;
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
        mebibytes("agent RSS while it follows", residentBytes(agent.pid).now, at, 150),
        mebibytes("agent RSS at most, first list included", Math.max(peakAtStart, residentBytes(agent.pid).peak), at),
        {
          what: "longest delay of the event loop",
          value: block * 1000,
          unit: "ms",
          target: { atMost: 20 },
          beside: `elapsed time: other work on the machine counts; ${at}`,
        },
      ];
    } finally {
      await agent.kill();
    }
  } finally {
    await cluster.stop();
  }
};

function mebibytes(what: string, bytes: number, beside: string, atMost?: number): Reading {
  return { what, value: bytes / 2 ** 20, unit: "MiB", beside, ...(atMost === undefined ? {} : { target: { atMost } }) };
}

async function cpuWhile(agent: AgentProcess, work: () => Promise<unknown>): Promise<{ cpuS: number; wallS: number }> {
  const [cpuS, startMs] = [cpuSeconds(agent.pid), performance.now()];
  await work();
  return { cpuS: cpuSeconds(agent.pid) - cpuS, wallS: (performance.now() - startMs) / 1000 };
}

/** 200 changes a second, or as many as the API server takes. */
async function changeFor(cluster: BigCluster, durationMs: number): Promise<void> {
  const startMs = performance.now();
  let done = 0;
  const writer = async () => {
    for (;;) {
      const elapsedMs = performance.now() - startMs;
      if (elapsedMs >= durationMs) return;
      const aheadMs = (done * 1000) / CHANGES_PER_S - elapsedMs;
      if (aheadMs > 0) await delay(aheadMs);
      else await cluster.change(done++);
    }
  };
  await Promise.all(Array.from({ length: 8 }, writer));
}
