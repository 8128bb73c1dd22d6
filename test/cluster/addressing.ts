/** Everything that the cluster makes on the host carries this: network namespaces, cgroups, and its link to the host. */
export const CLUSTER_PREFIX = "weir-cluster";

/** The nodes' files. On a disk, because containerd keeps images there. */
export const CLUSTER_DIRECTORY = "/var/lib/weir-cluster";

/** Held by the one cluster that may be up on a host. */
export const CLUSTER_LOCK = "/run/weir-cluster.lock";

/** All pods of all nodes; each node has a /24 of it, which the controller manager chooses. */
export const POD_CIDR = "10.247.0.0/16";
/** Addresses of Services. Those below 10.248.7 are left to manifests. */
export const SERVICE_CIDR = "10.248.0.0/16";
/** That of the Service `default/kubernetes`. */
export const API_SERVICE = "10.248.0.1";
/** That of CoreDNS. */
export const DNS_SERVICE = "10.248.0.10";

/** This host on the nodes' LAN: the control plane listens here, and whoever else is to be reached from nodes may. */
export const HOST_ADDRESS = "10.246.0.1";
/** A host of the LAN that is not part of the cluster. */
export const OUTSIDE_ADDRESS = "10.246.0.200";

/** Address of node `index` (1, 2, …) on the LAN. */
export function nodeAddress(index: number): string {
  return `10.246.0.${10 + index}`;
}

/** Name of one of the cluster's network namespaces. */
export function netnsName(part: string): string {
  return `${CLUSTER_PREFIX}-${part}`;
}

export function netnsPath(part: string): string {
  return `/run/netns/${netnsName(part)}`;
}
