import { readFileSync } from "node:fs";

/** Whether this kernel has a tracepoint, by its own type information. */
export function hasTracepoint(name: string): boolean {
  return readFileSync("/sys/kernel/btf/vmlinux").includes(`\0btf_trace_${name}\0`);
}
