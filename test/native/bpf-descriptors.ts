import { readdirSync, readlinkSync } from "node:fs";

/** What this process holds open of the kernel's BPF: `{"bpf-map": 4, "bpf-prog": 3, bpf_link: 3}`. */
export function bpfDescriptors(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const fd of readdirSync("/proc/self/fd")) {
    let target = "";
    try {
      target = readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      continue; // the descriptor of the listing itself
    }
    const name = /^anon_inode:\[?(bpf[-_a-z]*)\]?$/.exec(target)?.[1];
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
