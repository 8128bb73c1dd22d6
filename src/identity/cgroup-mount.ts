import { readFileSync } from "node:fs";
import { textOfBytes } from "./label-name.ts";

/** Where this host's cgroups can be read. */
export interface CgroupMount {
  /** The cgroup v2 hierarchy's mount point; undefined where there is none. */
  readonly path: string | undefined;
  /** Whether v1 hierarchies are mounted too, so that a process may be in a container that v2 does not show. */
  readonly hasV1: boolean;
}

/**
 * Finds the cgroup v2 hierarchy in `mountinfo` text. On pure v2 hosts it is /sys/fs/cgroup, on hybrid ones a directory below. Where it is
 * mounted more than once (a container with its own and the host's), the mount that shows most wins.
 */
export function cgroupMountOf(mountinfo: string): CgroupMount {
  let best: { path: string; root: string } | undefined;
  let hasV1 = false;
  for (const line of mountinfo.split("\n")) {
    const [mount = "", source = ""] = line.split(" - ");
    const type = source.split(" ")[0];
    if (type === "cgroup") hasV1 = true;
    if (type !== "cgroup2") continue;
    const [, , , root = "", path = ""] = mount.split(" ").map(unescapeMount);
    if (best === undefined || breadth(root) > breadth(best.root)) best = { path, root };
  }
  return { path: best?.path, hasV1 };
}

/** Reads `PROC/self/mountinfo`; a host without it has no cgroups that we can see. */
export function findCgroupMount(procPath: string): CgroupMount {
  try {
    return cgroupMountOf(textOfBytes(readFileSync(`${procPath}/self/mountinfo`)));
  } catch {
    return { path: undefined, hasV1: false };
  }
}

/** How much a mount with this root shows: the more levels above our own cgroup namespace, the more; a part of it is least. */
function breadth(root: string): number {
  const parts = root.split("/").filter((part) => part !== "");
  const above = parts.filter((part) => part === "..").length;
  return above - (parts.length - above);
}

/** The kernel writes blanks, tabs, newlines and backslashes in octal. */
function unescapeMount(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
