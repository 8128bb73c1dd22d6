import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const ROOT = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "weir", "kernels");

const UNUSED_MS = 7 * 86_400_000;

/** What an artefact is made of; any change of it makes a new one. */
export function keyOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 16);
}

/**
 * Path of a file or directory `NAME-KEY` in the cache; `make` creates it where it is missing and is told where.
 * Half-made ones are never seen. Those of another key are removed when nobody has used them for a week: another
 * checkout on this machine may be at work with one.
 */
export async function cached(name: string, key: string, make: (path: string) => Promise<void>): Promise<string> {
  mkdirSync(ROOT, { recursive: true });
  const path = join(ROOT, `${name}-${key}`);
  const noteUse = () => utimesSync(path, new Date(), new Date());
  if (existsSync(path)) {
    noteUse();
    return path;
  }
  removeLeftovers();
  const scratch = mkdtempSync(join(ROOT, `.making-${process.pid}-`));
  try {
    const made = join(scratch, "made");
    await make(made);
    // Another run may have made the same meanwhile; theirs is as good.
    if (!existsSync(path)) renameSync(made, path);
    noteUse();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  for (const entry of readdirSync(ROOT)) {
    const isOther = entry.length === name.length + 1 + key.length && entry.startsWith(`${name}-`);
    if (!isOther || entry === `${name}-${key}`) continue;
    const usedMs = statSync(join(ROOT, entry), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (usedMs < Date.now() - UNUSED_MS) rmSync(join(ROOT, entry), { recursive: true, force: true });
  }
  return path;
}

/** What runs left behind that were killed: their number is in the name. */
function removeLeftovers(): void {
  for (const entry of readdirSync(ROOT)) {
    const pid = /^\.making-(\d+)-/.exec(entry)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(ROOT, entry), { recursive: true, force: true });
  }
}
