import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and gives what it printed. The error of one that fails ends with what it complained of. */
export async function runTool(program: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, {
      env: { ...process.env, ...options.env },
      maxBuffer: 64 << 20,
    });
    return stdout;
  } catch (cause) {
    const { code, stderr } = cause as { code?: string | number; stderr?: string };
    const reason =
      code === "ENOENT"
        ? "it is not installed (npm run test:kernels installs what is missing)"
        : stderr?.trim().split("\n").slice(-5).join("\n") || `exit code ${code}`;
    throw new Error(`Cannot run ${program} ${args.slice(0, 3).join(" ")}: ${reason}`, { cause });
  }
}
