import { join } from "node:path";
import type { Place } from "../lab/place.ts";
import type { AgentOptions } from "../rig/agent-process.ts";

export interface AgentContainer {
  /** The node's own programs: the container's runtime is one of them. */
  readonly node: Place;
  /** The container's cgroup and network namespace. */
  readonly container: Place;
  /** The node has a cgroup namespace of its own, as kind's nodes have. */
  readonly nodeNamespace: boolean;
  /** So has the agent's container, as those of unprivileged pods have on a cgroup v2 host. */
  readonly containerNamespace: boolean;
  /** The capabilities that are left, such as `bpf`; by default all. */
  readonly capabilities?: readonly string[];
}

/** Becomes a container's runtime on a node (cgroup, network, perhaps cgroup namespace), and starts a program in a container. */
const RUNTIME = `
echo $$ >"$NODE_CGROUP/cgroup.procs" || exit 126
exec nsenter --net="$NODE_NETNS" -- $NODE_UNSHARE bash -c '
  (
    echo $BASHPID >"$CONTAINER_CGROUP/cgroup.procs" || exit 126
    exec setpriv --pdeathsig KILL -- nsenter --net="$CONTAINER_NETNS" -- $CONTAINER_UNSHARE "$@"
  ) &
  trap "kill -TERM $!" TERM INT
  wait $!; code=$?
  while kill -0 $! 2>/dev/null; do wait $!; code=$?; done
  exit $code' runtime "$@"`;

const MAIN = join(import.meta.dirname, "../../src/main.ts");

/** How an agent is started in a container of a pod on a node, by that node's runtime. */
export function inContainer(options: AgentContainer): Required<Pick<AgentOptions, "command" | "env">> {
  const { node, container, nodeNamespace, containerNamespace, capabilities } = options;
  const kept = capabilities?.map((name) => `+${name}`).join(",");
  const limits = kept === undefined ? [] : ["setpriv", `--bounding-set=-all,${kept}`, "--inh-caps=-all", "--"];
  return {
    command: ["bash", "-c", RUNTIME, "bash", ...limits, process.execPath, MAIN],
    env: {
      NODE_CGROUP: node.cgroup,
      NODE_NETNS: node.netns,
      NODE_UNSHARE: nodeNamespace ? "unshare --cgroup --" : "",
      CONTAINER_CGROUP: container.cgroup,
      CONTAINER_NETNS: container.netns,
      CONTAINER_UNSHARE: containerNamespace ? "unshare --cgroup --" : "",
    },
  };
}
