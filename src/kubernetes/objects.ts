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
  /** Whether it is being deleted. It keeps its addresses until its containers have ended. */
  readonly deleting: boolean;
  /** Whether each of its containers has ended. Those of a pod that is not being deleted may start again. */
  readonly terminated: boolean;
  /** By its node's clock, in whole seconds since the Unix epoch, rounded down, 0 where unknown: when the kubelet took it on, before it had an address. */
  readonly startedSeconds: number;
  /** Likewise: when its first container started or could start, after it had an address. */
  readonly runningSeconds: number;
  /** All of `status.podIPs`. */
  readonly ips: readonly string[];
  /** The controlling owner, from `metadata.ownerReferences`. */
  readonly owner: OwnerReference | undefined;
  /** Value of the `pod-template-hash` label, which a Deployment gives, or of `rollouts-pod-template-hash`, which an Argo Rollout gives; empty where there is none. */
  readonly podTemplateHash: string;
  readonly rolloutTemplateHash: string;
  /** What its annotations (`resource.opentelemetry.io/service.name` and its kin) or chosen labels say; undefined where they say nothing. */
  readonly service: ServiceIdentity | undefined;
  /** Values of the labels and annotations that were chosen, in that order; empty for those that the pod has not. */
  readonly chosen: readonly string[];
  readonly containers: readonly SlimContainer[];
}

export interface OwnerReference {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** `service.*` of OpenTelemetry, where a pod says so itself; empty what it does not say. */
export interface ServiceIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly instanceId: string;
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
  /** Without `None`: a headless Service has none, nor has one of type ExternalName. */
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  /** `status.loadBalancer.ingress[].ip`; a load balancer that is known by a host name has no address here. */
  readonly loadBalancerIPs: readonly string[];
  readonly ports: readonly SlimServicePort[];
}

export interface SlimServicePort {
  readonly protocol: string;
  readonly port: number;
  /** 0 where there is none. */
  readonly nodePort: number;
}

/** Backends of a Service, all of them with the same ports. A Service may have several slices. */
export interface SlimEndpointSlice {
  readonly uid: string;
  readonly namespace: string;
  /** Name of the Service, in the same namespace; empty where it belongs to none. */
  readonly serviceName: string;
  readonly backends: readonly SlimBackend[];
  readonly ports: readonly SlimBackendPort[];
}

export interface SlimBackend {
  readonly address: string;
  /** Empty where it is no pod. */
  readonly podUid: string;
}

export interface SlimBackendPort {
  readonly protocol: string;
  readonly port: number;
}

export interface SlimNode {
  readonly uid: string;
  readonly name: string;
  /** All of `status.addresses` that are IP addresses, whatever their type. */
  readonly addresses: readonly string[];
  readonly podCIDRs: readonly string[];
  /** Labels `topology.kubernetes.io/zone` and `…/region`, empty where there is none. */
  readonly zone: string;
  readonly region: string;
}

/** What Weir keeps of an object that owns pods and is owned itself: a Job, a ReplicaSet. */
export interface SlimOwner {
  readonly uid: string;
  /** Its own controlling owner. */
  readonly owner: OwnerReference | undefined;
}

/** Where watched objects go. Calls come in the order of the watch; a relist is a series of upserts, then deletes of what is gone. */
export interface ObjectSink {
  /** The connection was away: what comes from here on may have happened at any time since the resource was last heard of. */
  newsMayBeOld?(resource: string): void;
  /** What comes from here on happens now. */
  newsAreFresh?(resource: string): void;
  upsertPod(pod: SlimPod): void;
  deletePod(uid: string): void;
  upsertService(service: SlimService): void;
  deleteService(uid: string): void;
  upsertEndpointSlice(slice: SlimEndpointSlice): void;
  deleteEndpointSlice(uid: string): void;
  upsertNode(node: SlimNode): void;
  deleteNode(uid: string): void;
  upsertOwner(owner: SlimOwner): void;
  deleteOwner(uid: string): void;
}
