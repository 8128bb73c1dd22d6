import { CgroupNames } from "./cgroup-names.ts";
import { innermostContainer, kubeletRoot } from "./container-path.ts";
import type { NodeNews } from "./node-news.ts";

/** The node that the agent runs on, as the kernel sees it. */
export interface OwnNode {
  /** What the node is, where it shares the kernel with others: all below a cgroup, and one network namespace. */
  readonly bounds: NodeBounds | undefined;
  /** Inode numbers of the network namespaces of the node itself; undefined where they are not known. */
  readonly hostNetns: readonly number[] | undefined;
  /** The agent's own cgroup, from the hierarchy's root; empty where it is not known. */
  readonly agentPath: string;
  /** A sentence that says what the node is, and by what that is known. */
  readonly because: string;
}

export interface NodeBounds {
  readonly cgroupId: bigint;
  /** Of that cgroup: 1 or more. */
  readonly level: number;
  readonly netns: number;
  /** Of that cgroup, from the hierarchy's root. */
  readonly path: string;
}

/**
 * Finds out what the agent's node is, from its lineage: its own process and those above it.
 *
 * The nearest process outside the agent's container is the node's own: the runtime's, or whoever started the agent. What it has
 * for the root of its cgroup namespace is the root of the node, and its network namespace is the node's. Where that is the
 * kernel's first, the node is the whole host. Where the root is the hierarchy's own but the network is not the kernel's
 * first, nodes are told apart by where their kubelets put pods.
 */
export function ownNode(lineage: readonly NodeNews[]): OwnNode {
  const names = new CgroupNames();
  for (const news of lineage) names.learn(news);
  const processes = lineage.filter(({ kind }) => kind === "process");
  const agentPath = names.pathOf(processes[0]?.cgroupId ?? 0n);
  if (agentPath === undefined) {
    return unknownNode("", "the kernel tells nothing of the agent's own process");
  }
  const container = innermostContainer(agentPath);
  const isOutside = ({ cgroupId }: NodeNews) => !isWithin(names.pathOf(cgroupId), container);
  const outer = container === undefined ? processes[0] : processes.find(isOutside);
  if (outer === undefined) {
    return unknownNode(agentPath, `no process above the agent is outside ${container}`);
  }
  const first = processes.find(({ pid }) => pid === 0);
  if (first !== undefined && first.netns === outer.netns) {
    const because = "the node has the kernel's first network namespace";
    return { bounds: undefined, hostNetns: [outer.netns], agentPath, because };
  }
  const level = names.levelOf(outer.parentId);
  const path = names.pathOf(outer.parentId);
  const { netns } = outer;
  if (level !== undefined && path !== undefined && level > 0) {
    const bounds = { cgroupId: outer.parentId, level, netns, path };
    return {
      bounds,
      hostNetns: [netns],
      agentPath,
      because: `it is the root of the cgroup namespace of the agent's node: ${path}`,
    };
  }
  return byKubelet(names, processes, outer.netns, first?.netns, agentPath);
}

/** Nodes without cgroup namespaces: each has a network of its own, and a cgroup in which its kubelet keeps its pods. */
function byKubelet(
  names: CgroupNames,
  processes: readonly NodeNews[],
  netns: number,
  firstNetns: number | undefined,
  agentPath: string,
): OwnNode {
  const hostNetns = firstNetns === undefined ? [netns] : [netns, firstNetns];
  const whole = (because: string) => ({ bounds: undefined, hostNetns, agentPath, because });
  if (firstNetns === undefined) return whole("the kernel does not tell of its first process");
  const path = kubeletRoot(agentPath);
  if (path === undefined) return whole("the agent runs in no pod");
  const level = path.split("/").filter((part) => part !== "").length;
  const cgroupId = names.ancestorOf(processes[0]?.cgroupId ?? 0n, level);
  if (level === 0 || cgroupId === undefined) return whole("pods lie at the root of the cgroup hierarchy");
  const bounds = { cgroupId, level, netns, path };
  return {
    bounds,
    hostNetns: [netns],
    agentPath,
    because: `the agent's node has a network of its own, and its pods lie below ${path}`,
  };
}

function unknownNode(agentPath: string, because: string): OwnNode {
  return { bounds: undefined, hostNetns: undefined, agentPath, because };
}

function isWithin(path: string | undefined, directory: string | undefined): boolean {
  if (path === undefined || directory === undefined) return path === undefined;
  return path === directory || path.startsWith(`${directory}/`);
}
