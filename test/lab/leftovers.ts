import { readdir, rm } from "node:fs/promises";
import { CgroupTree } from "./cgroup-tree.ts";
import { disconnectHost } from "./network.ts";
import { LAB_DIRECTORY, LAB_PREFIX } from "./prefix.ts";
import { Program } from "./program.ts";

/** What a lab has on this host; all empty when there is none. */
export interface Leftovers {
  readonly namespaces: readonly string[];
  readonly processes: readonly number[];
  readonly cgroups: readonly string[];
}

export async function findLeftovers(): Promise<Leftovers> {
  const tree = await CgroupTree.find();
  const entries = await readdir(tree.root, { recursive: true, withFileTypes: true }).catch(() => undefined);
  const below =
    entries?.filter((entry) => entry.isDirectory()).map((entry) => `${entry.parentPath}/${entry.name}`) ?? [];
  return {
    namespaces: await labNamespaces(),
    processes: await tree.processes(),
    cgroups: entries === undefined ? [] : [tree.root, ...below],
  };
}

/** Kills the lab's processes and removes its namespaces, cgroups and files, whoever made them. Idempotent. */
export async function removeLeftovers(): Promise<void> {
  const tree = await CgroupTree.find();
  await tree.remove();
  await disconnectHost();
  const names = await labNamespaces();
  if (names.length > 0) {
    // -force: go on to the next name when one cannot be deleted; what is left then is told below.
    await Program.run(["ip", "-force", "-batch", "-"], { input: names.map((name) => `netns del ${name}\n`).join("") });
  }
  const stayed = await labNamespaces();
  if (stayed.length > 0) throw new Error(`Cannot delete network namespaces: ${stayed.join(", ")}; needed is root`);
  await rm(LAB_DIRECTORY, { recursive: true, force: true });
}

async function labNamespaces(): Promise<string[]> {
  const names = await readdir("/run/netns").catch(() => []);
  return names.filter((name) => name.startsWith(`${LAB_PREFIX}-`)).sort();
}
