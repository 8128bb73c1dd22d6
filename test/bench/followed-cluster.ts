import type { AgentProcess } from "../rig/agent-process.ts";
import type { ApiServer } from "../rig/api-server.ts";
import { startAgent } from "./bench-agent.ts";
import { BigCluster, type BigClusterSize } from "./big-cluster.ts";

/** Starts an agent that follows a cluster, as of the node `node-0`; `nodeOptions` count besides its own. */
export async function startFollower(
  server: ApiServer,
  flags: readonly string[] = [],
  nodeOptions?: string,
): Promise<AgentProcess> {
  const cluster = ["--kubernetes.kubeconfig", server.adminKubeconfig, "--node-name", "node-0"];
  return await startAgent([...cluster, ...flags], nodeOptions);
}

/** Measures something of a large cluster on a real API server, which it takes some minutes to write. */
export async function withBigCluster<T>(
  size: BigClusterSize,
  measure: (cluster: BigCluster) => Promise<T>,
): Promise<T> {
  const cluster = await BigCluster.start(size);
  try {
    return await measure(cluster);
  } finally {
    await cluster.stop();
  }
}

/** Measures something of an agent, and ends it. */
export async function withAgent<T>(
  starting: Promise<AgentProcess>,
  measure: (agent: AgentProcess) => Promise<T>,
): Promise<T> {
  const agent = await starting;
  try {
    return await measure(agent);
  } finally {
    await agent.kill();
  }
}
