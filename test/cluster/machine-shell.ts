import type { Program, ProgramOptions } from "../lab/program.ts";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import type { PodPlace } from "./pod-place.ts";

const CGROUPS = "/host/cgroup";
// The shell leaves its pod's cgroup and becomes the program in place.
const LEAVE = `echo 0 >${CGROUPS}/init.scope/cgroup.procs || exit 126; exec "$@"`;

/** The pod that `machineShellObjects()` brings. */
export const MACHINE_SHELL = { namespace: "kube-system", name: "machine-shell" } as const;

/**
 * Starts programs on a node that is a virtual machine, as the node's own: in its network, and outside all pods' cgroups. Their files
 * are those of the image that every node has.
 */
export class MachineShell {
  readonly #pod: PodPlace;

  constructor(pod: PodPlace) {
    this.#pod = pod;
  }

  /** `Program.pid` is that of a program of this host, which ends with the one there. */
  start(argv: readonly string[], options: ProgramOptions = {}): Program {
    return this.#pod.start(["sh", "-c", LEAVE, "sh", ...argv], options);
  }

  /** Runs a program to its end and gives what it printed. Throws, with standard error, unless it exits with 0. */
  mustRun(argv: readonly string[]): Promise<string> {
    return this.#pod.mustRun(["sh", "-c", LEAVE, "sh", ...argv]);
  }
}

/** A pod on `node` through which programs of the node itself are started. */
export function machineShellObjects(node: string, image: string): KubernetesObject[] {
  const labels = { app: MACHINE_SHELL.name };
  const container = {
    name: "shell",
    image,
    imagePullPolicy: "Never",
    command: ["sh", "-c", "exec sleep 1000000"],
    securityContext: { privileged: true },
    volumeMounts: [{ name: "cgroup", mountPath: CGROUPS }],
  };
  const spec = {
    nodeName: node,
    hostNetwork: true,
    hostPID: true,
    terminationGracePeriodSeconds: 0,
    containers: [container],
    volumes: [{ name: "cgroup", hostPath: { path: "/sys/fs/cgroup" } }],
  };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: MACHINE_SHELL,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    },
  ];
}
