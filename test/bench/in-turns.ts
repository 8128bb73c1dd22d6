import { setTimeout as delay } from "node:timers/promises";
import type { AgentProcess } from "../rig/agent-process.ts";
import { startAgent } from "./bench-agent.ts";
import { median } from "./median.ts";
import { cpuSeconds } from "./process-usage.ts";

/** How long the machine is left to itself after an agent has started or stopped. */
const SETTLE_MS = 1_000;

export interface TurnsResult {
  /** Median of with / without; each turn with an agent is compared with the mean of the two turns around it. */
  readonly ratio: number;
  /** Median of what the ratio is off by when nothing changes: of |a / b - 1| over neighbouring turns without an agent. */
  readonly noise: number;
  readonly without: readonly number[];
  readonly with: readonly number[];
  /** Each turn's with / without. */
  readonly ratios: readonly number[];
  /** CPU seconds of the agent, median of its turns. */
  readonly agentCpuSeconds: number;
}

/**
 * Measures in turns, off on off on … off, because a machine that others share drifts: no two turns that are compared
 * lie far apart. Each turn begins with a measurement that does not count, with the agent and without: a node's agent has run
 * for long, and this one has been started just now and compiles its code at its first load.
 */
export async function inTurns(pairs: number, measure: () => Promise<number>): Promise<TurnsResult> {
  const turn = async (agent?: AgentProcess) => {
    await delay(SETTLE_MS);
    await measure();
    const before = agent === undefined ? 0 : cpuSeconds(agent.pid);
    const value = await measure();
    return { value, agentCpuSeconds: agent === undefined ? 0 : cpuSeconds(agent.pid) - before };
  };
  const without = [(await turn()).value];
  const withAgent: number[] = [];
  const agentCpuSeconds: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const agent = await startAgent();
    try {
      const measured = await turn(agent);
      withAgent.push(measured.value);
      agentCpuSeconds.push(measured.agentCpuSeconds);
    } finally {
      await agent.stop();
    }
    without.push((await turn()).value);
  }
  const before = (pair: number) => without[pair] as number;
  const after = (pair: number) => without[pair + 1] as number;
  const ratios = withAgent.map((value, pair) => (2 * value) / (before(pair) + after(pair)));
  return {
    ratio: median(ratios),
    noise: median(withAgent.map((_, pair) => Math.abs(before(pair) / after(pair) - 1))),
    without,
    with: withAgent,
    ratios,
    agentCpuSeconds: median(agentCpuSeconds),
  };
}
