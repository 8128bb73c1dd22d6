// Loaded into an agent by `--import`: appends a line to the file that BENCH_TURNS names for each turn of the event loop in which its
// thread used 4 ms of CPU or more: when it ended, in milliseconds since the Unix epoch, and the milliseconds of CPU.
//
// CPU time, so that what else the machine does is no block of this agent's. The kernel tells it to one tick of its clock, mostly 4 ms.
// A turn is what lies between two runs of a timer of 2 ms, which costs CPU itself: measure totals in another agent.
import { appendFileSync } from "node:fs";

const LOGGED_US = 4_000;
const PERIOD_MS = 2;

const file = process.env["BENCH_TURNS"];
if (file === undefined) throw new Error("Cannot log turns: BENCH_TURNS must name a file");

let last = process.threadCpuUsage();
const look = () => {
  const { user, system } = process.threadCpuUsage();
  const us = user + system - last.user - last.system;
  last = { user, system };
  if (us >= LOGGED_US) appendFileSync(file, `${Date.now()} ${us / 1000}\n`);
};
setInterval(look, PERIOD_MS).unref();
