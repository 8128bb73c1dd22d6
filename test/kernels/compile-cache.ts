import { join } from "node:path";
import { AgentProcess } from "../rig/agent-process.ts";
import { runTool } from "./run-tool.ts";

/**
 * Where Node keeps what it made of the sources: JavaScript of TypeScript, and bytecode of that. It knows files by their paths
 * from there, so what it made here is valid wherever a guest has the project.
 */
export const COMPILE_CACHE = "build/compile-cache";

/**
 * Fills the cache by running the agent, and `tests` without any of their tests: an emulated CPU would need half a minute
 * for what is in it, at each start of the agent.
 */
export async function fillCompileCache(tests: readonly string[]): Promise<void> {
  const project = join(import.meta.dirname, "../..");
  const env = { NODE_COMPILE_CACHE: join(project, COMPILE_CACHE), NODE_COMPILE_CACHE_PORTABLE: "1" };
  const agent = await AgentProcess.startReady({ flags: ["--kubernetes.enabled=false"], env });
  // Node writes at its end.
  await agent.stop();
  const files = tests.map((test) => join(project, test));
  await runTool(process.execPath, ["--test", "--test-name-pattern=no test has this name", ...files], { env });
}
