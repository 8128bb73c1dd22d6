import { setTimeout as delay } from "node:timers/promises";
import type { AgentProcess } from "../rig/agent-process.ts";
import type { Bench, Reading } from "./bench.ts";
import { startAgent } from "./bench-agent.ts";
import { BigCluster, each } from "./big-cluster.ts";
import { cpuSeconds, residentBytes } from "./process-usage.ts";

const CHANGES_PER_S = 200;
const SECONDS_PER_HOUR = 3_600;
/** A watch is asked for anew after 290 to 600 s. */
const WATCH_S = 445;
/** Bookmarks come about once a minute. */
const BOOKMARKS_PER_HOUR = 60;
/** What a busy cluster does in an hour: a tenth of its pods is replaced, and each kubelet reports its node every five minutes. */
const REPLACED_PER_HOUR = 0.1;
const NODE_REPORTS_PER_HOUR = 12;
const PODS_PER_NODE = 30;

/** Sums over all watches, and what each brought. */
interface WatchTotals {
  readonly requests: number;
  readonly bytes: number;
  readonly events: number;
}

/** 10 000 pods and 5 000 Services on a real API server, with 200 changes per second: what the agent takes to follow. */
export const scale: Bench["measure"] = async ({ quick }) => {
  const size = quick ? { pods: 1_000, services: 500, nodes: 50 } : { pods: 10_000, services: 5_000, nodes: 330 };
  const seconds = quick ? 10 : 60;
  const cluster = await BigCluster.start(size);
  try {
    const agent = await agentOf(cluster);
    try {
      const peakAtStart = residentBytes(agent.pid).peak;
      const idle = await cpuWhile(agent, () => delay(seconds * 1000));
      const before = await totals(agent);
      const busy = await cpuWhile(agent, () => changeFor(cluster, seconds * 1000));
      const events = (await totals(agent)).events - before.events;
      const perChangeUs = ((busy.cpuS - idle.cpuS * (busy.wallS / idle.wallS)) / events) * 1e6;
      const changesPerS = events / busy.wallS;
      const block = await agent.sum("weir_agent_event_loop_delay_max_seconds");
      const at = `${size.pods} pods, ${size.services} Services, ${changesPerS.toFixed(0)} changes a second`;
      const share = (idle.cpuS / idle.wallS + (perChangeUs / 1e6) * CHANGES_PER_S) * 100;
      return [
        {
          what: "agent CPU at 200 changes a second",
          value: share,
          unit: "% of a core",
          target: { atMost: 3 },
          beside: `${perChangeUs.toFixed(0)} µs a change, ${((100 * idle.cpuS) / idle.wallS).toFixed(2)} % idle; ${at}`,
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

/** What one agent asks of the API server at 5 000 pods: to begin with, and per hour of a churn that is measured piece by piece. */
export const apiCost: Bench["measure"] = async ({ quick }) => {
  const pods = quick ? 500 : 5_000;
  const size = { pods, services: pods / 10, nodes: Math.ceil(pods / PODS_PER_NODE) };
  const pieces = quick ? 20 : 100;
  const cluster = await BigCluster.start(size);
  try {
    const agent = await agentOf(cluster);
    try {
      const start = await totals(agent);
      const replaced = await costOf(agent, start, pieces, () => each(pieces, (index) => cluster.replace(index * 7)));
      const reported = await costOf(agent, await totals(agent), pieces, () =>
        each(pieces, (index) => cluster.reportNode(index)),
      );
      const watches = (await agent.metrics("weir_agent_watch_requests_total")).length;
      const renewals = (watches * SECONDS_PER_HOUR) / WATCH_S;
      const perHour = (replacements: number, reports: number) => ({
        events: replaced.events * replacements + reported.events * reports + watches * BOOKMARKS_PER_HOUR,
        bytes: replaced.bytes * replacements + reported.bytes * reports,
      });
      const here = perHour(pods * REPLACED_PER_HOUR, size.nodes * NODE_REPORTS_PER_HOUR);
      const large = perHour(150_000 * REPLACED_PER_HOUR, 5_000 * NODE_REPORTS_PER_HOUR);
      const share = `a tenth of the pods replaced (${replaced.events.toFixed(1)} events, ${(replaced.bytes / 1e3).toFixed(1)} kB each), ${NODE_REPORTS_PER_HOUR} reports a node (${(reported.bytes / 1e3).toFixed(1)} kB each)`;
      return [
        reading(
          "requests to begin with",
          start.requests,
          "",
          `${pods} pods, ${size.services} Services, ${size.nodes} nodes`,
        ),
        reading(
          "answers to begin with",
          start.bytes / 1e6,
          "MB",
          `${start.events} events, streamed from the server's cache`,
        ),
        reading("requests an hour", renewals, "", `${watches} watches, renewed every ${WATCH_S} s`),
        reading("events an hour", here.events, "", share),
        reading("answers an hour", here.bytes / 1e6, "MB", share),
        reading(
          "on paper: events an hour, 5 000 nodes with 150 000 pods",
          large.events,
          "",
          "the same shares, one agent",
        ),
        reading("on paper: answers an hour, 5 000 nodes with 150 000 pods", large.bytes / 1e6, "MB", "one agent"),
        reading(
          "on paper: all 5 000 agents",
          (large.bytes * 5_000 * 8) / SECONDS_PER_HOUR / 1e9,
          "Gbit/s",
          "as the API servers send it",
        ),
      ];
    } finally {
      await agent.kill();
    }
  } finally {
    await cluster.stop();
  }
};

function reading(what: string, value: number, unit: string, beside: string): Reading {
  return { what, value, unit, beside };
}

function mebibytes(what: string, bytes: number, beside: string, atMost?: number): Reading {
  return { what, value: bytes / 2 ** 20, unit: "MiB", beside, ...(atMost === undefined ? {} : { target: { atMost } }) };
}

function agentOf(cluster: BigCluster): Promise<AgentProcess> {
  return startAgent(["--kubernetes.kubeconfig", cluster.server.adminKubeconfig, "--node-name", "node-0"]);
}

async function totals(agent: AgentProcess): Promise<WatchTotals> {
  const [requests, bytes, events] = await Promise.all(
    ["requests_total", "received_bytes_total", "events_total"].map((name) => agent.sum(`weir_agent_watch_${name}`)),
  );
  return { requests: requests ?? 0, bytes: bytes ?? 0, events: events ?? 0 };
}

/** Events and bytes of one piece, once all of them have arrived. */
async function costOf(agent: AgentProcess, before: WatchTotals, pieces: number, work: () => Promise<void>) {
  await work();
  let after = await totals(agent);
  for (let last = -1; last !== after.events; ) {
    last = after.events;
    await delay(1_000);
    after = await totals(agent);
  }
  return { events: (after.events - before.events) / pieces, bytes: (after.bytes - before.bytes) / pieces };
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
