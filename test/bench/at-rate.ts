import { setTimeout as delay } from "node:timers/promises";

const AT_ONCE = 8;

/**
 * Does something `perSecond` times a second, or as often as it can be done by eight at once, while `goesOn` says so of how often it
 * has been begun and of the milliseconds since the first. `work` gets its number, from 0.
 */
export async function atRate(
  perSecond: number,
  goesOn: (begun: number, elapsedMs: number) => boolean,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  const startMs = performance.now();
  let begun = 0;
  const worker = async () => {
    for (;;) {
      const elapsedMs = performance.now() - startMs;
      if (!goesOn(begun, elapsedMs)) return;
      const aheadMs = (begun * 1000) / perSecond - elapsedMs;
      if (aheadMs > 0) await delay(aheadMs);
      else await work(begun++);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
