import { createHash } from "node:crypto";
import { access, mkdir, readFile, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";

const SOURCE = fileURLToPath(new URL("peer.c", import.meta.url));

/**
 * Path of the compiled `peer.c`. It is built when its source has changed, into the user's cache directory, and
 * linked statically, so that it also runs where there is no compiler (copy the file, or the whole cache directory).
 */
export async function peerBinary(): Promise<string> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "weir", "lab");
  const hash = createHash("sha256")
    .update(await readFile(SOURCE))
    .digest("hex")
    .slice(0, 16);
  const path = join(cache, `peer-${hash}`);
  if (
    await access(path).then(
      () => true,
      () => false,
    )
  )
    return path;
  await mkdir(cache, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  await Program.mustRun(["cc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", temporary, SOURCE]);
  await rename(temporary, path);
  return path;
}
