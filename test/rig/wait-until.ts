import { setTimeout as delay } from "node:timers/promises";
import { PATIENCE, SLOWNESS } from "./slowness.ts";

export interface WaitOptions {
  /** What is waited for, for the error's text: "Cannot wait any longer for WHAT". */
  readonly what: string;
  /** Multiplied by `PATIENCE`. Default 15 000. */
  readonly deadlineMs?: number;
  /** Pause between two looks, multiplied by `SLOWNESS`: where a look is slow, looking must not slow down the rest. Default 25. */
  readonly intervalMs?: number;
  /** Ends the wait early with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Calls `condition` until it gives something truthy and returns that.
 * A condition that throws counts as "not yet"; what it threw last is the `cause` of the error at the deadline.
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { what, deadlineMs = 15_000, intervalMs = 25, signal }: WaitOptions,
): Promise<Exclude<Awaited<T>, undefined | null | false | 0 | "">> {
  const limitMs = deadlineMs * PATIENCE;
  const endMs = performance.now() + limitMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value as Exclude<Awaited<T>, undefined | null | false | 0 | "">;
    } catch (error) {
      cause = error;
    }
    signal?.throwIfAborted();
    if (performance.now() >= endMs) {
      const last = cause instanceof Error ? `; the last look failed: ${cause.message}` : "";
      throw new Error(`Cannot wait any longer for ${what}: ${limitMs} ms have passed${last}`, { cause });
    }
    await delay(intervalMs * SLOWNESS);
  }
}
