import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** A module below test/tools. */
export type ToolName = "kubernetes" | "etcd" | "collector" | "prometheus";
export type Program = "kube-apiserver" | "kubectl" | "etcd" | "otelcol" | "prometheus" | "promtool";

const BUILD = join(import.meta.dirname, "../tools/build.sh");
const GO_IS_MISSING = 3;

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
  const { status, stderr } = spawnSync(BUILD, names, { stdio: ["ignore", 2, "pipe"], encoding: "utf8" });
  if (status === 0) return false;
  const reason = stderr.trim() || `${BUILD} ended with ${status}`;
  if (status === GO_IS_MISSING && process.env["WEIR_TEST_NO_SKIP"] !== "1") return reason;
  throw new Error(`Cannot run tests that need ${names.join(", ")}: ${reason}`);
}
