import type { SlimPod } from "../kubernetes/objects.ts";
import type { Endpoint, RemoteAnswer, ServiceRef } from "./endpoint.ts";
import type { Ownership } from "./ownership.ts";
import type { PortHolding } from "./port-holding.ts";

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
  readonly service: SlimPod["service"];
  /** When it was deleted, in milliseconds since the Unix epoch; 0 while it exists. */
  readonly deletedMs: number;
  /** When it was heard of first that it is being deleted, which its kubelet then does; 0 before. */
  readonly endingMs: number;
}

export interface NodeEntry {
  readonly uid: string;
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly zone: string;
  readonly region: string;
  /** As the API server wrote them; the first is where the node's own programs listen. */
  readonly addresses: readonly string[];
}

export interface ServiceEntry {
  readonly uid: string;
  readonly ref: ServiceRef;
  /** What to say of a connection to its address. */
  readonly answer: RemoteAnswer;
}

/** A pod entry as the directory writes it. */
export interface PodRecord extends PodEntry {
  service: SlimPod["service"];
  nodeName: string;
  isReady: boolean;
  endpoint: Endpoint;
  containers: SlimPod["containers"];
  deletedMs: number;
  endingMs: number;
  ips: readonly string[];
  /** Values of the chosen labels and annotations. */
  chosen: readonly string[];
  hadAddress: boolean;
  /** When it was last heard of without an address. */
  absentMs: number;
  askedAt: number;
  /** Since when it may have had an address. */
  sinceMs: number;
  /** UID of the Job or ReplicaSet that owns it, empty where none does. */
  ownerUid: string;
}

/** A node entry as the directory writes it. */
export interface NodeRecord extends NodeEntry {
  endpoint: Endpoint;
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

/** An EndpointSlice of a Service. */
export interface SliceRecord {
  readonly service: ServiceRef;
  /** Names its backends that are no pods; undefined where there are none. */
  endpoint: Endpoint | undefined;
  /** With their transport. */
  readonly ports: readonly number[];
  backends: readonly Backend[];
}

/** One address of an EndpointSlice. There are as many as pods and more: small. */
export interface Backend {
  readonly slice: SliceRecord;
  readonly at: AddressRecord;
  /** Empty where it is no pod. */
  readonly podUid: string;
  /** When the slice no longer had it, in milliseconds since the Unix epoch. */
  goneMs: number | undefined;
  /** The address' next one. */
  older: Backend | undefined;
}

/** All that is known of one address. */
export interface AddressRecord {
  pods: Ownership<PodRecord> | undefined;
  nodes: Ownership<NodeRecord> | undefined;
  /** Services whose address it was, with the ports of it that were theirs. */
  services: PortHolding<ServiceRecord> | undefined;
  /** Of which Services it was a backend. */
  backends: Backend | undefined;
  askedAt: number;
  /** Until when an owner that gave it back is still the answer, as long as there is no other; 0 where there is none such. */
  tailUntilMs: number;
}
