import { createHash, randomInt } from "node:crypto";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import type { Pod } from "./pod.ts";

/** Kinds that may own pods; `Pod` is one without an owner. */
export const WORKLOAD_KINDS = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"] as const;
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

export interface WorkloadSpec {
  readonly kind: WorkloadKind;
  readonly name: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** The node of each pod, such as `["n1", "n2", "n2"]` for three. */
  readonly nodes: readonly string[];
  /** Names of each pod's containers. Default `["app"]`. */
  readonly containers?: readonly string[];
  /** Default `{app: NAME}`. Services select by these. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Pods in their node's own network namespace. */
  readonly hostNetwork?: boolean;
}

/** A workload that is up, with its pods. */
export interface Workload {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  readonly pods: readonly Pod[];
  /** The first pod. */
  readonly pod: Pod;
}

/** The controllers' part: what stands above a workload's pods, and how it names them. */
export interface OwnerPlan {
  /** Objects from the top of the chain down, without owner references: each is owned by the one before it. */
  readonly chain: readonly KubernetesObject[];
  /** Labels that the controller adds to its pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Name of pod number `index`. */
  podName(index: number): string;
}

// The API's own alphabet for generated names: no vowels, so no words.
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const IMAGE = "lab.invalid/program:1";

/** What the controllers of the workload's kind would make. */
export function planOwners(spec: WorkloadSpec): OwnerPlan {
  const namespace = spec.namespace ?? "default";
  const labels = workloadLabels(spec);
  const make = (apiVersion: string, kind: string, name: string, body: object, extra = {}): KubernetesObject => ({
    apiVersion,
    kind,
    metadata: { name, namespace, labels: { ...labels, ...extra } },
    spec: body,
  });
  const template = (extra = {}, podSpec = {}) => ({
    metadata: { labels: { ...labels, ...extra } },
    spec: { containers: containerSpecs(spec), ...podSpec },
  });
  const selector = { matchLabels: labels };
  const replicas = spec.nodes.length;
  const job = { template: template({}, { restartPolicy: "Never" }) };
  const revision = { "controller-revision-hash": hash(`${namespace}/${spec.name}`) };
  const random = () => `${spec.name}-${generated(5)}`;
  switch (spec.kind) {
    case "Pod":
      return { chain: [], podLabels: {}, podName: (index) => (index === 0 ? spec.name : `${spec.name}-${index}`) };
    case "Deployment": {
      const extra = { "pod-template-hash": hash(`${namespace}/${spec.name}`) };
      const set = `${spec.name}-${extra["pod-template-hash"]}`;
      const setBody = { replicas, selector: { matchLabels: { ...labels, ...extra } }, template: template(extra) };
      return {
        chain: [
          make("apps/v1", "Deployment", spec.name, { replicas, selector, template: template() }),
          make("apps/v1", "ReplicaSet", set, setBody, extra),
        ],
        podLabels: extra,
        podName: () => `${set}-${generated(5)}`,
      };
    }
    case "StatefulSet":
      return {
        chain: [
          make("apps/v1", spec.kind, spec.name, { replicas, selector, serviceName: spec.name, template: template() }),
        ],
        podLabels: revision,
        podName: (index) => `${spec.name}-${index}`,
      };
    case "DaemonSet":
      return {
        chain: [make("apps/v1", spec.kind, spec.name, { selector, template: template() })],
        podLabels: revision,
        podName: random,
      };
    case "Job":
      return {
        chain: [make("batch/v1", "Job", spec.name, job)],
        podLabels: { "batch.kubernetes.io/job-name": spec.name },
        podName: random,
      };
    case "CronJob": {
      const run = `${spec.name}-${29_000_000 + randomInt(999_999)}`;
      return {
        chain: [
          make("batch/v1", "CronJob", spec.name, { schedule: "* * * * *", jobTemplate: { spec: job } }),
          make("batch/v1", "Job", run, job),
        ],
        podLabels: { "batch.kubernetes.io/job-name": run },
        podName: () => `${run}-${generated(5)}`,
      };
    }
  }
}

export function workloadLabels(spec: WorkloadSpec): Readonly<Record<string, string>> {
  return spec.labels ?? { app: spec.name };
}

export function containerSpecs(spec: WorkloadSpec): { name: string; image: string }[] {
  return (spec.containers ?? ["app"]).map((name) => ({ name, image: IMAGE }));
}

/** `object` as owned by `owner`, which must have its UID. */
export function ownedBy(object: KubernetesObject, owner: KubernetesObject | undefined): KubernetesObject {
  if (!owner) return object;
  const { apiVersion, kind, metadata } = owner;
  const reference = {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return { ...object, metadata: { ...object.metadata, ownerReferences: [reference] } };
}

function generated(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}

function hash(text: string): string {
  const bytes = createHash("sha256").update(text).digest();
  return Array.from(bytes.subarray(0, 10), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
