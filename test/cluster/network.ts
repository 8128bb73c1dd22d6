import { Program } from "../lab/program.ts";
import { CLUSTER_PREFIX, HOST_ADDRESS, netnsName, nodeAddress, OUTSIDE_ADDRESS } from "./addressing.ts";

/**
 * The nodes' LAN, a bridge in a namespace of its own, with a leg in this host's, the host outside, and nodes 1 … `nodes`.
 *
 *   this host ─┬─ n1, n2, …
 *   outside  ──┘
 */
export async function buildNetwork(nodes: number): Promise<void> {
  const indexes = Array.from({ length: nodes }, (_, i) => i + 1);
  const leg = (part: string, address: string) => [
    `ip netns add ${netnsName(part)}`,
    `ip -n ${netnsName("lan")} link add ${part} type veth peer name eth0 netns ${netnsName(part)}`,
    `ip -n ${netnsName("lan")} link set ${part} master br0 up`,
    `ip -n ${netnsName(part)} link set lo up`,
    `ip -n ${netnsName(part)} addr add ${address}/24 dev eth0`,
    `ip -n ${netnsName(part)} link set eth0 up`,
    `ip -n ${netnsName(part)} route add default via ${HOST_ADDRESS}`,
  ];
  await shell([
    `ip netns add ${netnsName("lan")}`,
    `ip -n ${netnsName("lan")} link set lo up`,
    `ip -n ${netnsName("lan")} link add br0 type bridge mcast_snooping 0`,
    `ip -n ${netnsName("lan")} link set br0 up`,
    `ip link add ${CLUSTER_PREFIX} type veth peer name host netns ${netnsName("lan")}`,
    `ip -n ${netnsName("lan")} link set host master br0 up`,
    `ip addr add ${HOST_ADDRESS}/24 dev ${CLUSTER_PREFIX}`,
    `ip link set ${CLUSTER_PREFIX} up`,
    ...leg("outside", OUTSIDE_ADDRESS),
    ...indexes.flatMap((index) => [...leg(`n${index}`, nodeAddress(index)), nodeSettings(index)]),
  ]);
}

/** A leg in the LAN for a virtual machine, which opens it by the name that this gives, in the LAN's namespace. */
export async function addTap(name: string): Promise<string> {
  await shell([
    `ip -n ${netnsName("lan")} tuntap add dev ${name} mode tap`,
    `ip -n ${netnsName("lan")} link set ${name} master br0 up`,
  ]);
  return name;
}

/** Packets to `destination` that start in a part of the network (`host`, `outside`, `n1`, …) go to this address of the LAN. */
export async function addRoute(part: string, destination: string, via: string): Promise<void> {
  const where = part === "host" ? [] : ["-n", netnsName(part)];
  await Program.mustRun(["ip", ...where, "route", "replace", destination, "via", via]);
}

function nodeSettings(index: number): string {
  const settings = [
    "ipv4/ip_forward=1",
    "ipv4/conf/all/rp_filter=0",
    "ipv4/conf/default/rp_filter=0",
    // Replies between two pods of one bridge pass the node's NAT too.
    "bridge/bridge-nf-call-iptables=1",
  ];
  const writes = settings.map((setting) => `echo ${setting.split("=")[1]} >/proc/sys/net/${setting.split("=")[0]}`);
  return `nsenter --net=/run/netns/${netnsName(`n${index}`)} -- sh -ec '${writes.join("; ")}'`;
}

async function shell(lines: readonly string[]): Promise<void> {
  await Program.mustRun(["sh", "-ec", lines.join("\n")]);
}
