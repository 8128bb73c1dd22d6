/** One port of a Service at one of its addresses: what a kube-proxy turns into rules. */
export interface ServiceRoute {
  readonly namespace: string;
  readonly service: string;
  /** Name of the port, empty where the Service has one unnamed port. */
  readonly portName: string;
  readonly protocol: "tcp" | "udp";
  readonly version: 4 | 6;
  readonly clusterIP: string;
  readonly port: number;
  /** 0 where there is none. */
  readonly nodePort: number;
  /** What comes to the node port goes to the node's own backends only, and keeps its source (`externalTrafficPolicy: Local`). */
  readonly localOnly: boolean;
  readonly backends: readonly Backend[];
}

export interface Backend {
  readonly address: string;
  readonly port: number;
  /** Index of the node that it is on. */
  readonly node: number;
}

/** Where what comes to a route's node port on a node may go. */
export function externalBackends(route: ServiceRoute, nodeIndex: number): readonly Backend[] {
  return route.localOnly ? route.backends.filter(({ node }) => node === nodeIndex) : route.backends;
}

/** What stands for Services on the nodes. `ipvs` needs the kernel's module ip_vs, see `ipvsMissing()`. */
export type ProxyMode = "nftables" | "iptables" | "ipvs";
