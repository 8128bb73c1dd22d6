import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, which the kernel's interface fixes on every machine that Node runs on. */
const TICKS_PER_S = 100;

/** CPU seconds of a process so far, user and system, to 10 ms. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // after the process's name, which may hold anything: the state is the first field
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** Bytes of memory that are in use now, those of it that no file backs, and the most that ever were. */
export function residentBytes(pid: number): { now: number; own: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return { now: kilobytes("VmRSS") * 1024, own: kilobytes("RssAnon") * 1024, peak: kilobytes("VmHWM") * 1024 };
}

/** Bytes that the kernel accounts to the BPF maps which a process holds open. */
export function bpfMapBytes(pid: number): number {
  const maps = new Map<string, number>();
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8");
    const id = /^map_id:\s+(\d+)/m.exec(info)?.[1];
    const bytes = /^memlock:\s+(\d+)/m.exec(info)?.[1];
    if (id !== undefined && /^map_type:/m.test(info)) maps.set(id, Number(bytes));
  }
  return [...maps.values()].reduce((sum, bytes) => sum + bytes, 0);
}
