import type { SlimPod } from "../kubernetes/objects.ts";
import type { Endpoint, ServiceRef } from "./endpoint.ts";

/** A pod as the directory knows it. Read only; its fields follow the watch. */
export interface PodEntry {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly nodeName: string;
  readonly hostNetwork: boolean;
  readonly isReady: boolean;
  readonly endpoint: Endpoint;
  readonly containers: SlimPod["containers"];
  /** When it was deleted, in milliseconds since the Unix epoch; 0 while it exists. */
  readonly deletedMs: number;
}

export interface NodeEntry {
  readonly uid: string;
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly zone: string;
  readonly region: string;
}

export interface ServiceEntry {
  readonly uid: string;
  readonly ref: ServiceRef;
}

/** A pod entry as the directory writes it. */
export interface PodRecord extends PodEntry {
  nodeName: string;
  isReady: boolean;
  endpoint: Endpoint;
  containers: SlimPod["containers"];
  deletedMs: number;
  ips: readonly string[];
  askedAt: number;
}

/** A node entry as the directory writes it. */
export interface NodeRecord extends NodeEntry {
  zone: string;
  region: string;
  addresses: readonly string[];
  podCIDRs: readonly string[];
}

/** A Service entry as the directory writes it; ports carry their transport. */
export interface ServiceRecord extends ServiceEntry {
  addresses: readonly string[];
  ports: readonly number[];
  nodePorts: readonly number[];
}
