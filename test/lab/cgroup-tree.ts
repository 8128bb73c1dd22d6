import { mkdir, readdir, readFile, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LAB_PREFIX } from "./prefix.ts";

/** Where cgroup v2 is mounted: `/sys/fs/cgroup`, or beside the v1 controllers. Throws where it is not. */
export async function cgroupMount(): Promise<string> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8");
  for (const line of mounts.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const path = left.split(" ")[4];
    if (right.startsWith("cgroup2 ") && path) return path;
  }
  throw new Error("Cannot find cgroup v2: mount it, such as by mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified");
}

/** A rig's own part of the cgroup v2 hierarchy. */
export class CgroupTree {
  /** Absolute path of its top directory. */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** `name` is the top directory's, by default the lab's. */
  static async find(name: string = LAB_PREFIX): Promise<CgroupTree> {
    return new CgroupTree(join(await cgroupMount(), name));
  }

  /** Makes a directory below the root, with its parents; returns its absolute path. */
  async make(path: string): Promise<string> {
    const full = join(this.root, path);
    await mkdir(full, { recursive: true });
    return full;
  }

  /** Kills every process at or below `directory` and removes it. Nothing happens where there is none. */
  async remove(directory: string = this.root): Promise<void> {
    if (!(await exists(directory))) return;
    await kill(directory);
    await removeEmpty(directory);
  }

  /** Process ids at or below `directory`. */
  async processes(directory: string = this.root): Promise<number[]> {
    if (!(await exists(directory))) return [];
    return pids(directory);
  }
}

async function kill(directory: string): Promise<void> {
  while ((await pids(directory)).length > 0) {
    // cgroup.kill came with 5.14; before it, a fork may escape one pass but not all of them.
    await writeFile(join(directory, "cgroup.kill"), "1").catch(async () => {
      for (const pid of await pids(directory)) killIfThere(pid);
    });
    await delay(5);
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function pids(directory: string): Promise<number[]> {
  const own = (await readFile(join(directory, "cgroup.procs"), "utf8").catch(() => ""))
    .split("\n")
    .filter((line) => line !== "" && line !== "0")
    .map(Number);
  const below = await Promise.all((await children(directory)).map((child) => pids(child)));
  return [...own, ...below.flat()];
}

async function removeEmpty(directory: string): Promise<void> {
  for (const child of await children(directory)) await removeEmpty(child);
  // A dying process keeps a directory busy for a moment, and one that was just being started may have joined since.
  for (let attempt = 0; ; attempt++) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOENT") return;
      if (code !== "EBUSY" || attempt === 500) throw error;
      await delay(10);
      await kill(directory);
    }
  }
}

async function children(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
