import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** What `test/tools/build.sh` builds. */
export type ToolName =
  | "kubernetes"
  | "etcd"
  | "collector"
  | "prometheus"
  | "kubelet"
  | "containerd"
  | "coredns"
  | "flannel"
  | "kwok";
export type Program =
  | ("kube-apiserver" | "kubectl" | "etcd" | "otelcol" | "prometheus" | "promtool")
  | ("kubelet" | "kube-proxy" | "kube-scheduler" | "kube-controller-manager")
  | ("containerd" | "containerd-shim-runc-v2" | "ctr" | "coredns" | "flanneld")
  | ("kwok" | "kwok-stages.yaml");

const BUILD = join(import.meta.dirname, "../tools/build.sh");
/** Exit codes of `build.sh --check`. */
const GO_IS_MISSING = 3;
const CAN_BE_BUILT = 4;

/** The directory that holds the tools' programs; builds what is not built yet (minutes the first time, about 0.1 s afterwards). */
export async function toolDirectory(...names: readonly ToolName[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(BUILD, ["--dir", ...names]);
    return stdout.trim();
  } catch (cause) {
    throw new Error(`Cannot use ${names.join(", ")}: ${(cause as { stderr?: string }).stderr?.trim()}`, { cause });
  }
}

/** Path of one program; see `toolDirectory()`. */
export async function toolPath(name: ToolName, program: Program): Promise<string> {
  return join(await toolDirectory(name), program);
}

/**
 * For `test(…, { skip: skipWithout("etcd") }, …)`: `false` once the tools are built, else why they cannot be.
 * Blocks while it builds, with a line per tool on standard error. Throws when a build fails, and instead of giving a reason
 * when WEIR_TEST_NO_SKIP is 1.
 */
export function skipWithout(...names: readonly ToolName[]): string | false {
  const check = spawnSync(BUILD, ["--check", ...names], { encoding: "utf8" });
  if (check.status === 0) return false;
  if (check.status === CAN_BE_BUILT) {
    console.error(`Building what tests run against (${names.join(", ")}): once per machine, some minutes`);
    const build = spawnSync(BUILD, names, { stdio: ["ignore", 2, 2] });
    if (build.status === 0) return false;
    throw new Error(`Cannot run tests that need ${names.join(", ")}: ${BUILD} ended with ${build.status}, see above`);
  }
  const reason = check.stderr.trim();
  if (check.status === GO_IS_MISSING && process.env["WEIR_TEST_NO_SKIP"] !== "1") return reason;
  throw new Error(`Cannot run tests that need ${names.join(", ")}: ${reason || check.error}`);
}
