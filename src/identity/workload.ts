import type { SlimPod } from "../kubernetes/objects.ts";

/** What runs a pod: the object that a user would name when asked. */
export interface Workload {
  readonly kind: string;
  readonly name: string;
}

/**
 * The workload of a pod, by its controlling owner.
 *
 * A ReplicaSet made by a Deployment is named `DEPLOYMENT-HASH`, and its pods carry the hash as a label, so the Deployment's
 * name needs no look at the ReplicaSet. Static pods are owned by their node, and are their own workload, as bare pods are.
 */
export function workloadOf(pod: Pick<SlimPod, "name" | "owner" | "podTemplateHash">): Workload {
  const { owner, podTemplateHash } = pod;
  if (owner === undefined || owner.kind === "Node") return { kind: "Pod", name: pod.name };
  const suffix = `-${podTemplateHash}`;
  if (owner.kind === "ReplicaSet" && podTemplateHash !== "" && owner.name.endsWith(suffix)) {
    const deployment = owner.name.slice(0, -suffix.length);
    if (deployment !== "") return { kind: "Deployment", name: deployment };
  }
  return { kind: owner.kind, name: owner.name };
}
