import { LAB_PREFIX } from "./prefix.ts";

/** One IPv4 and one IPv6 address, or prefix, of the same thing. */
export interface DualStack {
  readonly v4: string;
  readonly v6: string;
}

/** Handle of one of the lab's network namespaces, below `/run/netns`. */
export function netnsName(part: string): string {
  return `${LAB_PREFIX}-${part}`;
}

export function netnsPath(part: string): string {
  return `/run/netns/${netnsName(part)}`;
}

/** All pods of all nodes. */
export const CLUSTER_CIDR: DualStack = { v4: "10.245.0.0/16", v6: "fd00:10:245::/48" };
/** Addresses of Services: what an API server must be told as its service-cluster-ip-range. */
export const SERVICE_CIDR: DualStack = { v4: "10.97.0.0/16", v6: "fd00:10:97::/112" };
/** The LAN's router: it knows the LAN only and answers everything else with "network unreachable". */
export const ROUTER: DualStack = { v4: "10.98.0.1", v6: "fd00:10:98::1" };
/** The host outside the cluster. */
export const OUTSIDE: DualStack = { v4: "10.98.0.100", v6: "fd00:10:98::100" };
/** This host on the LAN, where a lab asks for that. */
export const HOST = { v4: "10.98.0.200" } as const;
/** An address of the LAN that nobody has: connecting ends in "host unreachable" once neighbour discovery gives up. */
export const NOBODY: DualStack = { v4: "10.98.0.250", v6: "fd00:10:98::250" };
/** An address beyond the router: connecting ends in "network unreachable" at once. */
export const NOWHERE: DualStack = { v4: "203.0.113.77", v6: "2001:db8::77" };

/** Address of node `index` (1, 2, …) on the LAN. */
export function nodeAddress(index: number): DualStack {
  return { v4: `10.98.0.${10 + index}`, v6: `fd00:10:98::${10 + index}` };
}

export function podCidr(index: number): DualStack {
  return { v4: `10.245.${index}.0/24`, v6: `fd00:10:245:${index}::/64` };
}

/** Address `host` of node `index`'s pods: 0 is the VXLAN device's, 1 the bridge's, pods begin at 2. */
export function podAddress(index: number, host: number): DualStack {
  return { v4: `10.245.${index}.${host}`, v6: `fd00:10:245:${index}::${host === 0 ? "" : host.toString(16)}` };
}

/** ClusterIP number `host`, 1 … 254. */
export function serviceAddress(host: number): DualStack {
  return { v4: `10.97.7.${host}`, v6: `fd00:10:97::7${host.toString(16).padStart(2, "0")}` };
}
