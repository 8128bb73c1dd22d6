/** What Weir keeps of a pod. Addresses are text as the API server wrote them. */
export interface SlimPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly nodeName: string;
  readonly hostNetwork: boolean;
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`: a pod that ended has given its addresses back. */
  readonly phase: string;
  /** The condition `Ready`. */
  readonly isReady: boolean;
  /** All of `status.podIPs`. */
  readonly ips: readonly string[];
  /** The controlling owner, from `metadata.ownerReferences`. */
  readonly owner: OwnerReference | undefined;
  /** Value of the `pod-template-hash` label, empty where there is none. */
  readonly podTemplateHash: string;
  readonly containers: readonly SlimContainer[];
}

export interface OwnerReference {
  readonly kind: string;
  readonly name: string;
}

export interface SlimContainer {
  readonly name: string;
  /** Without the `containerd://` prefix; empty until it runs. */
  readonly id: string;
}

export interface SlimService {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  /** Without `None`. */
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  readonly ports: readonly SlimServicePort[];
}

export interface SlimServicePort {
  readonly protocol: string;
  readonly port: number;
  /** 0 where there is none. */
  readonly nodePort: number;
}

export interface SlimNode {
  readonly uid: string;
  readonly name: string;
  /** InternalIP and ExternalIP addresses. */
  readonly addresses: readonly string[];
  readonly podCIDRs: readonly string[];
  /** Labels `topology.kubernetes.io/zone` and `…/region`, empty where there is none. */
  readonly zone: string;
  readonly region: string;
}

/** Where watched objects go. Calls come in the order of the watch; a relist is a series of upserts, then deletes of what is gone. */
export interface ObjectSink {
  upsertPod(pod: SlimPod): void;
  deletePod(uid: string): void;
  upsertService(service: SlimService): void;
  deleteService(uid: string): void;
  upsertNode(node: SlimNode): void;
  deleteNode(uid: string): void;
}
