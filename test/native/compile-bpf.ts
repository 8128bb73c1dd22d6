import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { arch, homedir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const bpf = fileURLToPath(new URL("../../bpf", import.meta.url));
const architecture =
  arch() === "arm64" ? { target: "arm64", triplet: "aarch64" } : { target: "x86", triplet: "x86_64" };

/**
 * Path of a BPF program of this folder, compiled as the build does those of bpf/. It is kept in the user's cache directory, so that
 * it is also there where there is no compiler (copy the file, or the whole cache directory).
 */
export function compiledBpf(source: string): string {
  const path = fileURLToPath(new URL(source, import.meta.url));
  const hash = createHash("sha256");
  for (const file of [path, ...globSync(`${bpf}/*.{c,h}`).sort()]) hash.update(readFileSync(file));
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "weir", "bpf");
  const object = join(cache, `${basename(source, ".bpf.c")}-${hash.digest("hex").slice(0, 16)}.o`);
  if (existsSync(object)) return object;

  mkdirSync(cache, { recursive: true });
  const temporary = `${object}.${process.pid}`;
  const flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-std=gnu11", `-D__TARGET_ARCH_${architecture.target}`];
  const includes = [`-I${bpf}`, `-I/usr/include/${architecture.triplet}-linux-gnu`];
  execFileSync("clang", [...flags, ...includes, "-c", path, "-o", temporary], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  renameSync(temporary, object);
  return object;
}
