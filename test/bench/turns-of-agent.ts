import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentProcess } from "../rig/agent-process.ts";
import type { ApiServer } from "../rig/api-server.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { startFollower, withAgent } from "./followed-cluster.ts";

/** Milliseconds of CPU that the longest turn of an agent's event loop took. */
export interface LongestTurns {
  /** While it fetched what exists, from when it served metrics up to when it was ready. */
  readonly fetching: number;
  /** While `work` went on. */
  readonly following: number;
}

/** The longest turns of an agent of its own, by its thread's CPU clock; see `turn-log.ts`. */
export async function longestTurns(
  server: ApiServer,
  work: (agent: AgentProcess) => Promise<unknown>,
): Promise<LongestTurns> {
  const directory = new ScratchDirectory();
  const file = directory.file("turns");
  writeFileSync(file, "");
  process.env["BENCH_TURNS"] = file;
  try {
    const agent = startFollower(server, [], `--import=${join(import.meta.dirname, "turn-log.ts")}`);
    return await withAgent(agent, async (it) => {
      const readyMs = Date.now();
      const servingMs = Number(it.log().find(({ msg }) => msg === "serving metrics")?.["time"]);
      await work(it);
      const turns = readFileSync(file, "utf8")
        .split("\n")
        .map((line) => line.split(" ").map(Number));
      // Turns that began in that time: each takes at least as long as its CPU time.
      const longest = (fromMs: number, untilMs: number) =>
        Math.max(0, ...turns.map(([endMs = 0, ms = 0]) => (endMs - ms >= fromMs && endMs <= untilMs ? ms : 0)));
      return { fetching: longest(servingMs, readyMs), following: longest(readyMs, Number.POSITIVE_INFINITY) };
    });
  } finally {
    delete process.env["BENCH_TURNS"];
    directory.remove();
  }
}
