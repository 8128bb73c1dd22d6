import type { OwnerReference, SlimPod } from "../kubernetes/objects.ts";

/** What runs a pod: the object that a user would name when asked. */
export interface Workload {
  readonly kind: string;
  readonly name: string;
}

/** Tells the owner of an owner; `none` where it has none for sure, undefined where that is not known. */
export type OwnerOf = (uid: string) => OwnerReference | "none" | undefined;

const unknown: OwnerOf = () => undefined;

/**
 * The workload of a pod, by its controlling owner, and that one's owner where it is known.
 *
 * A ReplicaSet that a Deployment or an Argo Rollout made is named `NAME-HASH`, and its pods carry the hash as a label of its maker's
 * own, so the name needs no look at the ReplicaSet. The name of a Job tells nothing for sure. Static pods are owned by
 * their node, and are their own workload, as bare pods are.
 */
export function workloadOf(
  pod: Pick<SlimPod, "name" | "owner" | "podTemplateHash" | "rolloutTemplateHash">,
  ownerOf: OwnerOf = unknown,
): Workload {
  const { owner, podTemplateHash, rolloutTemplateHash } = pod;
  if (owner === undefined || owner.kind === "Node") return { kind: "Pod", name: pod.name };
  const { kind, name } = owner;
  if (kind !== "ReplicaSet" && kind !== "Job") return { kind, name };
  const above = ownerOf(owner.uid);
  if (above === "none") return { kind, name };
  if (above !== undefined) return { kind: above.kind, name: above.name };
  if (kind === "Job") return { kind, name };
  return maker("Deployment", name, podTemplateHash) ?? maker("Rollout", name, rolloutTemplateHash) ?? { kind, name };
}

function maker(kind: string, replicaSet: string, hash: string): Workload | undefined {
  const suffix = `-${hash}`;
  if (hash === "" || !replicaSet.endsWith(suffix) || replicaSet.length === suffix.length) return undefined;
  return { kind, name: replicaSet.slice(0, -suffix.length) };
}
