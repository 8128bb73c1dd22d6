import { access } from "node:fs/promises";
import {
  CLUSTER_CIDR,
  type DualStack,
  HOST,
  netnsName,
  netnsPath,
  nodeAddress,
  OUTSIDE,
  podAddress,
  podCidr,
  ROUTER,
} from "./addressing.ts";
import { LAB_PREFIX } from "./prefix.ts";
import { Program } from "./program.ts";

// What VXLAN over IPv6 leaves of 1500 bytes.
const POD_MTU = 1430;
const VXLAN_PORT = 8472;

/** Namespaces of the LAN, of the host outside, and of nodes 1 … `nodes`, connected as Flannel connects a cluster. */
export async function buildNetwork(nodes: number): Promise<void> {
  await requireKernelParts();
  const indexes = Array.from({ length: nodes }, (_, i) => i + 1);
  await shell([
    ...["lan", "out", ...indexes.map((i) => `n${i}`)].map((part) => `ip netns add ${netnsName(part)}`),
    lan(indexes),
    outside(),
    ...indexes.map((i) => node(i, indexes)),
  ]);
}

/** Connects this host itself to the LAN, until `disconnectHost()`. */
export async function connectHost(): Promise<void> {
  await shell([
    `ip link add ${HOST_DEVICE} type veth peer name host netns ${netnsName("lan")}`,
    `ip -n ${netnsName("lan")} link set host master br0 up`,
    `ip addr add ${HOST.v4}/24 dev ${HOST_DEVICE}`,
    `ip link set ${HOST_DEVICE} up`,
  ]);
}

/** Idempotent. */
export async function disconnectHost(): Promise<void> {
  await Program.run(["ip", "link", "del", HOST_DEVICE]);
}

/** Connects a new pod's namespace to its node's bridge. `id` is at most 8 characters and unique on the node. */
export async function connectPod(id: string, nodeIndex: number, address: DualStack): Promise<void> {
  const part = `pod-${id}`;
  const gateway = podAddress(nodeIndex, 1);
  await shell([
    `ip netns add ${netnsName(part)}`,
    sysctls(part, POD_SYSCTLS),
    batch(`n${nodeIndex}`, [
      `link add veth${id} mtu ${POD_MTU} type veth peer name eth0 mtu ${POD_MTU} netns ${netnsName(part)}`,
      `link set veth${id} master cni0 up`,
      `link set veth${id} type bridge_slave hairpin on`,
    ]),
    batch(part, [
      "link set lo up",
      `addr add ${address.v4}/24 dev eth0`,
      `addr add ${address.v6}/64 dev eth0 nodad`,
      "link set eth0 up",
      `route add default via ${gateway.v4}`,
      `route add default via ${gateway.v6}`,
    ]),
  ]);
}

/** Gives up a pod's namespace; the addresses can be used again at once. */
export async function disconnectPod(id: string, nodeIndex: number): Promise<void> {
  // The link goes first: a namespace's own end is later, whenever the kernel gets to it.
  await shell([`ip -n ${netnsName(`n${nodeIndex}`)} link del veth${id}`, `ip netns del ${netnsName(`pod-${id}`)}`]);
}

const HOST_DEVICE = `${LAB_PREFIX}-host`;

const BASE_SYSCTLS = [
  // Addresses are usable at once, without duplicate address detection.
  "ipv6/conf/all/accept_dad=0",
  "ipv6/conf/default/accept_dad=0",
  "ipv6/conf/default/accept_ra=0",
  "ipv4/conf/all/rp_filter=0",
  "ipv4/conf/default/rp_filter=0",
];

// Room for bursts of 10 000 connections.
const POD_SYSCTLS = [...BASE_SYSCTLS, "core/somaxconn=65535", "ipv4/tcp_max_syn_backlog=65535"];

const ROUTER_SYSCTLS = [...BASE_SYSCTLS, "ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"];

const NODE_SYSCTLS = [
  ...ROUTER_SYSCTLS,
  "core/somaxconn=65535",
  "ipv4/tcp_max_syn_backlog=65535",
  // Replies between two pods of one bridge pass the node's NAT too.
  "bridge/bridge-nf-call-iptables=1",
  "bridge/bridge-nf-call-ip6tables=1",
];

/** Settings of a device that is there: "host unreachable" after 0.6 s instead of 3 s. */
function quickNeighbours(part: string, device: string): string {
  return sysctls(
    part,
    [4, 6].map((version) => `ipv${version}/neigh/${device}/retrans_time_ms=200`),
  );
}

function lan(nodes: readonly number[]): string {
  return [
    sysctls("lan", ROUTER_SYSCTLS),
    batch("lan", [
      "link set lo up",
      `link add br0 address ${bridgeMac(0)} type bridge mcast_snooping 0`,
      `addr add ${ROUTER.v4}/24 dev br0`,
      `addr add ${ROUTER.v6}/64 dev br0 nodad`,
      "link set br0 up",
      ...["out", ...nodes.map((i) => `n${i}`)].flatMap((part) => [
        `link add ${part} type veth peer name eth0 netns ${netnsName(part)}`,
        `link set ${part} master br0 up`,
      ]),
    ]),
  ].join("\n");
}

function outside(): string {
  return [
    sysctls("out", POD_SYSCTLS),
    batch("out", ["link set lo up", ...leg(OUTSIDE)]),
    quickNeighbours("out", "eth0"),
  ].join("\n");
}

function node(index: number, nodes: readonly number[]): string {
  const part = `n${index}`;
  const own = nodeAddress(index);
  const gateway = podAddress(index, 1);
  const vxlanAddress = podAddress(index, 0);
  const vxlan = `type vxlan id 1 dev eth0 dstport ${VXLAN_PORT} nolearning`;
  return [
    sysctls(part, NODE_SYSCTLS),
    batch(part, [
      "link set lo up",
      ...leg(own),
      `link add cni0 address ${bridgeMac(index)} mtu ${POD_MTU} type bridge mcast_snooping 0`,
      `addr add ${gateway.v4}/24 dev cni0`,
      `addr add ${gateway.v6}/64 dev cni0 nodad`,
      "link set cni0 up",
      `link add flannel.1 address ${vxlanMac(index, 4)} mtu ${POD_MTU} ${vxlan} local ${own.v4}`,
      `link add flannel-v6.1 address ${vxlanMac(index, 6)} mtu ${POD_MTU} ${vxlan} local ${own.v6}`,
      `addr add ${vxlanAddress.v4}/32 dev flannel.1`,
      `addr add ${vxlanAddress.v6}/128 dev flannel-v6.1 nodad`,
      "link set flannel.1 up",
      "link set flannel-v6.1 up",
      ...nodes.filter((i) => i !== index).flatMap(toPeer),
    ]),
    quickNeighbours(part, "eth0"),
    quickNeighbours(part, "cni0"),
    `bridge -n ${netnsName(part)} -batch - <<'E'`,
    ...nodes.filter((i) => i !== index).flatMap(forwardingEntries),
    "E",
    `nsenter --net=${netnsPath(part)} nft -f - <<'E'`,
    masquerade(index),
    "E",
  ].join("\n");
}

/** An interface on the LAN. */
function leg(address: DualStack): string[] {
  return [
    `addr add ${address.v4}/24 dev eth0`,
    `addr add ${address.v6}/64 dev eth0 nodad`,
    "link set eth0 up",
    `route add default via ${ROUTER.v4}`,
    `route add default via ${ROUTER.v6}`,
  ];
}

/** Route and neighbour entry of another node's pods. */
function toPeer(peer: number): string[] {
  const cidr = podCidr(peer);
  const via = podAddress(peer, 0);
  return [
    `neigh add ${via.v4} lladdr ${vxlanMac(peer, 4)} dev flannel.1 nud permanent`,
    `neigh add ${via.v6} lladdr ${vxlanMac(peer, 6)} dev flannel-v6.1 nud permanent`,
    `route add ${cidr.v4} via ${via.v4} dev flannel.1 onlink`,
    `route add ${cidr.v6} via ${via.v6} dev flannel-v6.1 onlink`,
  ];
}

function forwardingEntries(peer: number): string[] {
  return [
    `fdb add ${vxlanMac(peer, 4)} dev flannel.1 dst ${nodeAddress(peer).v4}`,
    `fdb add ${vxlanMac(peer, 6)} dev flannel-v6.1 dst ${nodeAddress(peer).v6}`,
  ];
}

/** What leaves the cluster carries the node's address. */
function masquerade(index: number): string {
  const own = podCidr(index);
  return `table inet flannel {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${own.v4} ip daddr != ${CLUSTER_CIDR.v4} masquerade fully-random
    ip6 saddr ${own.v6} ip6 daddr != ${CLUSTER_CIDR.v6} masquerade fully-random
  }
}`;
}

/**
 * Of a node's bridge, or the LAN's (0). A bridge without one takes its lowest port's, another one when that port comes: all who
 * know the old one send into nowhere, for up to a minute.
 */
function bridgeMac(index: number): string {
  return `0e:f5:00:00:00:${hexByte(index)}`;
}

function vxlanMac(index: number, version: 4 | 6): string {
  return `0e:f5:00:00:0${version}:${hexByte(index)}`;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

function batch(part: string, lines: readonly string[]): string {
  return `ip -n ${netnsName(part)} -batch - <<'E'\n${lines.join("\n")}\nE`;
}

function sysctls(part: string, settings: readonly string[]): string {
  const lines = settings.map((setting) => {
    const [path, value] = setting.split("=");
    return `echo ${value} >/proc/sys/net/${path}`;
  });
  return `nsenter --net=${netnsPath(part)} sh -e <<'E'\n${lines.join("\n")}\nE`;
}

async function shell(lines: readonly string[]): Promise<void> {
  await Program.mustRun(["sh", "-e"], { input: `${lines.join("\n")}\n` });
}

async function requireKernelParts(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("Cannot bring the lab up: needed is root");
  // Where they are modules, they can be loaded; where they are built in, modprobe has nothing to do and may be missing.
  for (const module of ["veth", "bridge", "br_netfilter", "vxlan", "nf_tables", "nf_nat"]) {
    await Program.run(["modprobe", "-q", module]);
  }
  for (const path of ["/proc/sys/net/bridge/bridge-nf-call-iptables", "/proc/sys/net/ipv6/conf/all/forwarding"]) {
    await access(path).catch(() => {
      throw new Error(`Cannot bring the lab up: the kernel lacks ${path} (module br_netfilter, or IPv6)`);
    });
  }
}
