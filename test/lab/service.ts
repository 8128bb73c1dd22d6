import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import type { DualStack } from "./addressing.ts";
import type { Pod } from "./pod.ts";
import type { ServiceRoute } from "./service-route.ts";

export interface ServiceSpec {
  readonly name: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** Labels of its pods. */
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePortSpec[];
  /** `externalTrafficPolicy: Local`. */
  readonly localOnly?: boolean;
  /** `clusterIP: None`: addresses of pods only. */
  readonly headless?: boolean;
}

export interface ServicePortSpec {
  /** Needed where there are several. */
  readonly name?: string;
  readonly port: number;
  /** Port of the pods; the same by default. */
  readonly targetPort?: number;
  /** Makes it a NodePort Service; 30000 … 32767. */
  readonly nodePort?: number;
  /** Default `TCP`. */
  readonly protocol?: "TCP" | "UDP";
}

/** A Service with its addresses of both IP versions, or none where it is headless. */
export class Service {
  readonly name: string;
  readonly namespace: string;
  readonly clusterIP: DualStack | undefined;
  readonly #spec: ServiceSpec;

  constructor(spec: ServiceSpec, clusterIP: DualStack | undefined) {
    this.name = spec.name;
    this.namespace = spec.namespace ?? "default";
    this.clusterIP = clusterIP;
    this.#spec = spec;
  }

  selects(pod: Pod): boolean {
    return (
      pod.namespace === this.namespace &&
      pod.phase === "Running" &&
      Object.entries(this.#spec.selector).every(([key, value]) => pod.labels[key] === value)
    );
  }

  /** What a kube-proxy makes of the Service, with `pods` (those that it selects) behind it. */
  routes(pods: readonly Pod[]): ServiceRoute[] {
    const { clusterIP } = this;
    if (!clusterIP) return [];
    return this.#spec.ports.flatMap((port) =>
      ([4, 6] as const).map((version) => ({
        namespace: this.namespace,
        service: this.name,
        portName: port.name ?? "",
        protocol: port.protocol === "UDP" ? "udp" : "tcp",
        version,
        clusterIP: version === 4 ? clusterIP.v4 : clusterIP.v6,
        port: port.port,
        nodePort: port.nodePort ?? 0,
        localOnly: this.#spec.localOnly ?? false,
        backends: pods.map((pod) => ({
          address: version === 4 ? pod.address.v4 : pod.address.v6,
          port: port.targetPort ?? port.port,
          node: pod.node.index,
        })),
      })),
    );
  }

  /** The Service and its EndpointSlices, one per IP version. */
  objects(pods: readonly Pod[]): KubernetesObject[] {
    const { name, namespace, clusterIP } = this;
    const addresses = clusterIP ? [clusterIP.v4, clusterIP.v6] : ["None"];
    const nodePorts = this.#spec.ports.some((port) => port.nodePort !== undefined);
    const service: KubernetesObject = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: {
        type: nodePorts ? "NodePort" : "ClusterIP",
        selector: this.#spec.selector,
        ...(this.#spec.localOnly ? { externalTrafficPolicy: "Local" } : {}),
        clusterIP: addresses[0],
        clusterIPs: addresses,
        ipFamilies: ["IPv4", "IPv6"],
        ipFamilyPolicy: "RequireDualStack",
        ports: this.#spec.ports.map((port) => ({
          ...(port.name === undefined ? {} : { name: port.name }),
          protocol: port.protocol ?? "TCP",
          port: port.port,
          targetPort: port.targetPort ?? port.port,
          ...(port.nodePort === undefined ? {} : { nodePort: port.nodePort }),
        })),
      },
    };
    return [service, this.#slice("IPv4", pods), this.#slice("IPv6", pods)];
  }

  #slice(addressType: "IPv4" | "IPv6", pods: readonly Pod[]): KubernetesObject {
    const { name, namespace } = this;
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${name}-${addressType.toLowerCase()}`,
        namespace,
        labels: { "kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "lab" },
      },
      addressType,
      ports: this.#spec.ports.map((port) => ({
        name: port.name ?? "",
        protocol: port.protocol ?? "TCP",
        port: port.targetPort ?? port.port,
      })),
      endpoints: pods.map((pod) => ({
        addresses: [addressType === "IPv4" ? pod.address.v4 : pod.address.v6],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: pod.node.name,
        targetRef: { kind: "Pod", namespace, name: pod.name, uid: pod.uid },
      })),
    };
  }
}
