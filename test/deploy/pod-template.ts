import type { KubernetesObject } from "../rig/kubernetes-client.ts";

/** What a DaemonSet says of its pods, as far as it decides what the container may do and sees. */
export interface PodTemplate {
  readonly hostNetwork: boolean;
  readonly hostPID: boolean;
  readonly hostIPC: boolean;
  readonly seccompProfile: { readonly type: string };
  readonly container: ContainerTemplate;
  readonly volumes: readonly VolumeTemplate[];
}

export interface ContainerTemplate {
  readonly image: string;
  readonly env: readonly EnvironmentVariable[];
  readonly memoryLimit: string;
  readonly runAsUser: number;
  readonly runAsGroup: number;
  readonly allowPrivilegeEscalation: boolean;
  readonly readOnlyRootFilesystem: boolean;
  readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  readonly volumeMounts: readonly VolumeMount[];
}

export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly recursiveReadOnly?: string;
}

export interface VolumeTemplate {
  readonly name: string;
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly configMap?: { readonly name: string };
}

/** Fields that say nothing about rights or mounts. */
const POD_ELSEWHERE = [
  ...["serviceAccountName", "enableServiceLinks", "priorityClassName", "nodeSelector", "tolerations", "dnsPolicy"],
  "terminationGracePeriodSeconds",
];
const CONTAINER_ELSEWHERE = ["name", "ports", "startupProbe", "livenessProbe", "readinessProbe"];

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a DaemonSet's pod template. Throws at any field that it does not know: a right that a test does not
 * reproduce must not go unnoticed.
 */
export function podTemplateOf(daemonSet: KubernetesObject): PodTemplate {
  const { template } = daemonSet["spec"] as { template: { spec: Fields } };
  const { hostNetwork = false, hostPID = false, hostIPC = false, ...pod } = template.spec;
  const { securityContext, containers, volumes = [], ...elsewhere } = pod;
  expectOnly("the pod", elsewhere, POD_ELSEWHERE);
  const { seccompProfile, ...podSecurity } = securityContext as Fields;
  expectOnly("the pod's securityContext", podSecurity, []);

  const [container, ...more] = containers as Fields[];
  if (container === undefined || more.length > 0) throw new Error("Cannot read the pod template: needs one container");
  const { image, env, resources, volumeMounts, securityContext: security, ...rest } = container;
  expectOnly("the container", rest, CONTAINER_ELSEWHERE);
  const { runAsUser, runAsGroup, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities, ...unknown } =
    security as Fields;
  expectOnly("the container's securityContext", unknown, []);
  const { limits } = resources as { limits: { memory: string } };
  return {
    ...{ hostNetwork, hostPID, hostIPC, seccompProfile, volumes },
    container: {
      ...{ image, env, volumeMounts, memoryLimit: limits.memory },
      ...{ runAsUser, runAsGroup, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities },
    },
  } as PodTemplate;
}

function expectOnly(where: string, fields: Fields, known: readonly string[]): void {
  const unknown = Object.keys(fields).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw new Error(`Cannot reproduce ${where}: nothing is known of ${unknown.join(", ")}`);
}
