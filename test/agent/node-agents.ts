import { HOST } from "../lab/addressing.ts";
import type { Lab } from "../lab/lab.ts";
import { Place } from "../lab/place.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import type { LabelPattern, Sample } from "../rig/exposition.ts";
import { inContainer } from "./agent-container.ts";

const PORT = 9464;
/** All that Weir asks for. */
const CAPABILITIES = ["bpf", "perfmon", "net_admin"];

export interface NodeAgentsOptions {
  readonly lab: Lab;
  /** Of an API server that answers at `HOST`. */
  readonly kubeconfig: string;
  readonly flags?: readonly string[];
}

/**
 * The agents of a lab's nodes as their DaemonSet runs them: each in a pod on its node's network, told of that pod, measuring its own
 * node's sockets and asking the other one for what it forwards. Their metrics are read at the nodes' addresses.
 */
export class NodeAgents {
  readonly each: readonly AgentProcess[];

  private constructor(each: readonly AgentProcess[]) {
    this.each = each;
  }

  /** Returns when all are ready. The lab must have this host connected. */
  static async start({ lab, kubeconfig, flags = [] }: NodeAgentsOptions): Promise<NodeAgents> {
    const nodes = lab.nodes.map(({ name }) => name);
    const { pods } = await lab.workload({
      ...{ kind: "DaemonSet", namespace: "weir", name: "weir", nodes },
      ...{ containers: ["weir"], hostNetwork: true },
    });
    const started: AgentProcess[] = [];
    try {
      for (const pod of pods) {
        const { host, cgroupRoot, name, address } = pod.node;
        const container = inContainer({
          ...{ node: new Place(host.netns, cgroupRoot), container: pod.place, capabilities: CAPABILITIES },
          ...{ nodeNamespace: true, containerNamespace: true },
        });
        const agent = await AgentProcess.start({
          command: container.command,
          env: { ...container.env, POD_UID: pod.uid },
          flags: [
            ...["--kubernetes.kubeconfig", kubeconfig, "--node-name", name, "--listen", `${address.v4}:${PORT}`],
            ...["--flows.ring-size", "64MiB", ...flags],
          ],
        });
        started.push(agent);
      }
      for (const agent of started) await agent.ready();
      return new NodeAgents(started);
    } catch (error) {
      await Promise.all(started.map((agent) => agent.kill()));
      throw error;
    }
  }

  /** What all of them say, one after the other. */
  async metrics(): Promise<Sample[]> {
    return (await Promise.all(this.each.map((agent) => agent.metrics()))).flat();
  }

  /** Sum over the series of a name with these labels, over all of them. */
  async sum(name: string, labels?: LabelPattern): Promise<number> {
    const sums = await Promise.all(this.each.map((agent) => agent.sum(name, labels)));
    return sums.reduce((total, sum) => total + sum, 0);
  }

  /** As the free function; ends at once when the first agent does, and an error carries the end of its log. */
  waitUntil<T>(condition: () => T | Promise<T>, options: { what: string; deadlineMs?: number; intervalMs?: number }) {
    return (this.each[0] as AgentProcess).waitUntil(condition, options);
  }

  async stop(): Promise<void> {
    await Promise.all(this.each.map((agent) => agent.stop()));
  }

  async kill(): Promise<void> {
    await Promise.all(this.each.map((agent) => agent.kill()));
  }
}

/** Options of an API server that agents on a lab's nodes can reach: see `NodeAgents`. */
export const REACHABLE = { bindAddress: "0.0.0.0", addresses: [HOST.v4] } as const;
