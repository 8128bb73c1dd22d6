import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CLUSTER_DIRECTORY } from "./addressing.ts";

/** What a kubelet sets to its liking, for the whole machine. */
const SETTINGS = [
  ...["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"],
  ...["kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"],
];
const FILE = join(CLUSTER_DIRECTORY, "host-settings.json");

/** Writes down what is set now. */
export async function keepHostSettings(): Promise<void> {
  const entries = await Promise.all(
    SETTINGS.map(async (name) => [name, await readFile(join("/proc/sys", name), "utf8").catch(() => "")]),
  );
  await writeFile(FILE, JSON.stringify(Object.fromEntries(entries)));
}

/** Sets again what was written down, if it was. */
export async function restoreHostSettings(): Promise<void> {
  const kept = JSON.parse(await readFile(FILE, "utf8").catch(() => "{}")) as Record<string, string>;
  for (const [name, value] of Object.entries(kept)) {
    const path = join("/proc/sys", name);
    if (value !== "" && (await readFile(path, "utf8")) !== value) await writeFile(path, value);
  }
}
