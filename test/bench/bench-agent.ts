import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentProcess } from "../rig/agent-process.ts";

const PROJECT = join(import.meta.dirname, "../..");

/**
 * An agent that is ready, started as `npm start` does after its set-up: with the same flags of Node and variables, and
 * `nodeOptions` besides.
 */
export async function startAgent(flags: readonly string[] = [], nodeOptions?: string): Promise<AgentProcess> {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { scripts: { start: string } };
  const command = scripts.start.split("&&").at(-1)?.trim() ?? "";
  return await AgentProcess.startReady({
    command: ["sh", "-c", `${command} "$@"`, "sh"],
    flags,
    env: { NODE_OPTIONS: nodeOptions },
    cwd: PROJECT,
  });
}
