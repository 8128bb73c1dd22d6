import { execFileSync } from "node:child_process";
import { arch } from "node:os";
import { fileURLToPath } from "node:url";

const bpf = fileURLToPath(new URL("../../bpf", import.meta.url));
const architecture =
  arch() === "arm64" ? { target: "arm64", triplet: "aarch64" } : { target: "x86", triplet: "x86_64" };

/** Compiles a BPF program of this folder as the build does those of bpf/. */
export function compileBpf(source: string, object: string): void {
  const flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-std=gnu11", `-D__TARGET_ARCH_${architecture.target}`];
  const includes = [`-I${bpf}`, `-I/usr/include/${architecture.triplet}-linux-gnu`];
  const path = fileURLToPath(new URL(source, import.meta.url));
  execFileSync("clang", [...flags, ...includes, "-c", path, "-o", object], { stdio: ["ignore", "inherit", "inherit"] });
}
