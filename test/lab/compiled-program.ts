import { createHash } from "node:crypto";
import { access, mkdir, readFile, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";

const compiled = new Map<string, Promise<string>>();

/**
 * Path of a program of the lab, such as `peer.c`, compiled. It is built when its source has changed, into the user's cache
 * directory, and linked statically, so that it also runs where there is no compiler (copy the file, or the whole cache directory).
 */
export function compiledProgram(source: "peer.c" | "teller.c"): Promise<string> {
  const path = compiled.get(source) ?? compile(source);
  compiled.set(source, path);
  return path;
}

async function compile(source: string): Promise<string> {
  const file = fileURLToPath(new URL(source, import.meta.url));
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "weir", "lab");
  const hash = createHash("sha256")
    .update(await readFile(file))
    .digest("hex")
    .slice(0, 16);
  const path = join(cache, `${basename(source, ".c")}-${hash}`);
  if (
    await access(path).then(
      () => true,
      () => false,
    )
  )
    return path;
  await mkdir(cache, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  await Program.mustRun(["cc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", temporary, file]);
  await rename(temporary, path);
  return path;
}
