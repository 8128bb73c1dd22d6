import { setTimeout as delay } from "node:timers/promises";
import type { AgentProcess } from "../rig/agent-process.ts";
import type { Bench, Reading } from "./bench.ts";
import { each } from "./big-cluster.ts";
import { startFollower, withAgent, withBigCluster } from "./followed-cluster.ts";
import { type WatchTotals, watchTotals } from "./watch-totals.ts";

const SECONDS_PER_HOUR = 3_600;
/** A watch is asked for anew after 290 to 600 s. */
const WATCH_S = 445;
/** Bookmarks come about once a minute. */
const BOOKMARKS_PER_HOUR = 60;
/** What a busy cluster does in an hour: a tenth of its pods is replaced, and each kubelet reports its node every five minutes. */
const REPLACED_PER_HOUR = 0.1;
const NODE_REPORTS_PER_HOUR = 12;
const PODS_PER_NODE = 30;

/** What one agent asks of the API server at 5 000 pods: to begin with, and per hour of a churn that is measured piece by piece. */
export const apiCost: Bench["measure"] = async ({ quick }) => {
  const pods = quick ? 500 : 5_000;
  const size = { pods, services: pods / 10, nodes: Math.ceil(pods / PODS_PER_NODE) };
  const pieces = quick ? 20 : 100;
  return await withBigCluster(size, (cluster) =>
    withAgent(startFollower(cluster.server, ["--kubernetes.replica-sets", "true"]), async (agent) => {
      const start = await watchTotals(agent);
      const costs = async (work: (index: number) => Promise<void>) =>
        await costOf(agent, await watchTotals(agent), pieces, () => each(pieces, work));
      const replaced = await costs((index) => cluster.replace(index * 7));
      const reported = await costs((index) => cluster.reportNode(index));
      const ran = await costs((index) => cluster.runJob(index));
      const rolled = await costs((index) => cluster.rollReplicaSet(index));
      // The watch of ReplicaSets is there only to be measured: by default there is none.
      const watches = (await agent.metrics("weir_agent_watch_requests_total")).length - 1;
      const renewals = (watches * SECONDS_PER_HOUR) / WATCH_S;
      const perHour = (replacements: number, reports: number) => ({
        events: replaced.events * replacements + reported.events * reports + watches * BOOKMARKS_PER_HOUR,
        bytes: replaced.bytes * replacements + reported.bytes * reports,
      });
      const here = perHour(pods * REPLACED_PER_HOUR, size.nodes * NODE_REPORTS_PER_HOUR);
      const large = perHour(150_000 * REPLACED_PER_HOUR, 5_000 * NODE_REPORTS_PER_HOUR);
      const share = `a tenth of the pods replaced (${replaced.events.toFixed(1)} events, ${(replaced.bytes / 1e3).toFixed(1)} kB each), ${NODE_REPORTS_PER_HOUR} reports a node (${(reported.bytes / 1e3).toFixed(1)} kB each)`;
      const metadata = ({ events }: Cost) => `${events.toFixed(1)} events; their metadata alone is asked for`;
      return [
        reading(
          "requests to begin with",
          start.requests - 1,
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
        reading("besides: for each run of a Job", ran.bytes / 1e3, "kB", metadata(ran)),
        reading(
          "besides: for each rolling update, where ReplicaSets are watched",
          rolled.bytes / 1e3,
          "kB",
          metadata(rolled),
        ),
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
    }),
  );
};

function reading(what: string, value: number, unit: string, beside: string): Reading {
  return { what, value, unit, beside };
}

/** Of one piece. */
interface Cost {
  readonly events: number;
  readonly bytes: number;
}

/** Events and bytes of one piece, once all of them have arrived. */
async function costOf(
  agent: AgentProcess,
  before: WatchTotals,
  pieces: number,
  work: () => Promise<void>,
): Promise<Cost> {
  await work();
  let after = await watchTotals(agent);
  for (let last = -1; last !== after.events; ) {
    last = after.events;
    await delay(1_000);
    after = await watchTotals(agent);
  }
  return { events: (after.events - before.events) / pieces, bytes: (after.bytes - before.bytes) / pieces };
}
