/**
 * The most CPU time that the event loop's thread spent in one turn while `work` went on, in milliseconds.
 *
 * CPU time and not elapsed time, so that other work on the machine does not count as a block. It looks at every turn,
 * which costs CPU itself: measure totals in another run.
 */
export async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let longestUs = 0;
  let last = process.threadCpuUsage();
  let isDone = false;
  const look = () => {
    const { user, system } = process.threadCpuUsage();
    longestUs = Math.max(longestUs, user + system - last.user - last.system);
    last = { user, system };
    if (!isDone) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isDone = true;
  look();
  return longestUs / 1000;
}
