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
  readonly backends: readonly Backend[];
}

export interface Backend {
  readonly address: string;
  readonly port: number;
}

/** What stands for Services on the nodes. `ipvs` needs the kernel's module ip_vs, see `ipvsMissing()`. */
export type ProxyMode = "nftables" | "iptables" | "ipvs";
