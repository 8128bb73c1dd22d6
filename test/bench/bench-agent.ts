import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentProcess } from "../rig/agent-process.ts";
import { copyNode } from "../rig/node-copy.ts";

const PROJECT = join(import.meta.dirname, "../..");
const NODE = join(PROJECT, "node_modules/node/bin/node");

let ownNode: string | undefined;

/**
 * An agent that is ready, started as `npm start` does after its set-up: with the same flags of Node and variables, and
 * `nodeOptions` besides. Its Node is a file of its own, as on a node: memory of a file that the bench's own Node uses, too, would
 * be the agent's for as long as the bench runs.
 */
export async function startAgent(flags: readonly string[] = [], nodeOptions?: string): Promise<AgentProcess> {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { scripts: { start: string } };
  const command = scripts.start.split("&&").at(-1)?.trim() ?? "";
  ownNode ??= copyNode();
  return await AgentProcess.startReady({
    command: ["unshare", "--mount", "sh", "-c", `mount --bind "$0" "${NODE}" && ${command} "$@"`, ownNode],
    flags,
    env: { NODE_OPTIONS: nodeOptions },
    cwd: PROJECT,
  });
}
