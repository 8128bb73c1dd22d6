import { setTimeout as delay } from "node:timers/promises";
import { startAgent } from "./bench-agent.ts";
import { median } from "./median.ts";

/** How long the machine is left to itself after an agent has started or stopped. */
const SETTLE_MS = 1_000;

export interface TurnsResult {
  /** Median of with / without; each turn with an agent is compared with the mean of the two turns around it. */
  readonly ratio: number;
  /** Median of what the ratio is off by when nothing changes: of |a / b - 1| over neighbouring turns without an agent. */
  readonly noise: number;
  readonly without: readonly number[];
  readonly with: readonly number[];
}

/**
 * Measures in turns, off on off on … off, because a machine that others share drifts: no two turns that are compared
 * lie far apart.
 */
export async function inTurns(pairs: number, measure: () => Promise<number>): Promise<TurnsResult> {
  await measure(); // caches, and clocks of the processor
  const without = [await measure()];
  const withAgent: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const agent = await startAgent();
    try {
      await delay(SETTLE_MS);
      withAgent.push(await measure());
    } finally {
      await agent.stop();
    }
    await delay(SETTLE_MS);
    without.push(await measure());
  }
  const before = (turn: number) => without[turn] as number;
  const after = (turn: number) => without[turn + 1] as number;
  return {
    ratio: median(withAgent.map((value, turn) => (2 * value) / (before(turn) + after(turn)))),
    noise: median(withAgent.map((_, turn) => Math.abs(before(turn) / after(turn) - 1))),
    without,
    with: withAgent,
  };
}
