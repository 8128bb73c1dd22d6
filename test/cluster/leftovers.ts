import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CgroupTree } from "../lab/cgroup-tree.ts";
import { Program } from "../lab/program.ts";
import { CLUSTER_DIRECTORY, CLUSTER_PREFIX } from "./addressing.ts";
import { restoreHostSettings } from "./host-settings.ts";
import { removeMountPoints } from "./node-mounts.ts";

/** What a cluster has on this host; all empty when there is none. */
export interface Leftovers {
  readonly namespaces: readonly string[];
  readonly processes: readonly number[];
  readonly cgroups: readonly string[];
}

export async function findLeftovers(): Promise<Leftovers> {
  return {
    namespaces: await namespaces(),
    processes: await (await CgroupTree.find(CLUSTER_PREFIX)).processes(),
    cgroups: await cgroupRoots(),
  };
}

/** Kills the cluster's processes and removes its namespaces, link, cgroups, mounts and files, whoever made them. Idempotent. */
export async function removeLeftovers(): Promise<void> {
  // Containers, daemons and whoever else runs on a node never leave its part of the v2 hierarchy.
  await (await CgroupTree.find(CLUSTER_PREFIX)).remove();
  const names = await namespaces();
  const input = names.map((name) => `netns del ${name}\n`).join("");
  if (names.length > 0) await Program.run(["ip", "-force", "-batch", "-"], { input });
  // It goes with its other end, but only when the kernel gets to that.
  await Program.run(["ip", "link", "del", CLUSTER_PREFIX]);
  for (const root of await cgroupRoots()) await removeDirectories(root);
  await unmountAll();
  const stayed = await findLeftovers();
  if (stayed.namespaces.length + stayed.cgroups.length > 0) {
    throw new Error(`Cannot take the cluster down: ${JSON.stringify(stayed)} stay; needed is root`);
  }
  await restoreHostSettings();
  await rm(CLUSTER_DIRECTORY, { recursive: true, force: true });
  await removeMountPoints();
}

/** Directories of nodes in the hierarchies of cgroup v1 and v2. */
export async function cgroupHierarchies(): Promise<string[]> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8");
  const paths = mounts.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const path = left.split(" ")[4];
    return /^cgroup2? /.test(right) && path !== undefined ? [path] : [];
  });
  return [...new Set(paths)];
}

async function namespaces(): Promise<string[]> {
  const names = await readdir("/run/netns").catch(() => []);
  return names.filter((name) => name.startsWith(`${CLUSTER_PREFIX}-`)).sort();
}

async function cgroupRoots(): Promise<string[]> {
  const found = await Promise.all(
    (await cgroupHierarchies()).map(async (hierarchy) => {
      const root = join(hierarchy, CLUSTER_PREFIX);
      return (await readdir(root).catch(() => undefined)) === undefined ? [] : [root];
    }),
  );
  return found.flat();
}

/** Deepest first. A dying process keeps a directory busy for a moment. */
async function removeDirectories(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeDirectories(join(directory, entry.name));
  for (let attempt = 0; ; attempt++) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return;
      if (code !== "EBUSY" || attempt === 500) throw error;
      await delay(10);
    }
  }
}

/** Nodes have mount namespaces of their own, which end with them; this is for what leaked. */
async function unmountAll(): Promise<void> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.startsWith(`${CLUSTER_DIRECTORY}/`));
  for (const path of mounts.reverse()) await Program.run(["umount", "--lazy", path]);
}
