import { existsSync } from "node:fs";
import { CLUSTER_CIDR, nodeAddress } from "./addressing.ts";
import { Program } from "./program.ts";
import { type Backend, externalBackends, type ServiceRoute } from "./service-route.ts";

const DEVICE = "kube-ipvs0";
/** As kube-proxy sets them. With `conntrack` the rules below see what IPVS sends on. */
const SYSCTLS = ["conntrack=1", "conn_reuse_mode=0", "expire_nodest_conn=1", "expire_quiescent_template=1"];

/** Why this host has no IPVS, or undefined where it does; loads the module. */
export async function ipvsMissing(): Promise<string | undefined> {
  for (const module of ["ip_vs", "ip_vs_rr"]) await Program.run(["modprobe", "-q", module]);
  if (!existsSync("/proc/net/ip_vs")) return "this kernel has no IPVS (module ip_vs)";
  for (const [tool, ...argv] of [
    ["ipvsadm", "--version"],
    ["ipset", "--version"],
  ] as const) {
    if ((await Program.run([tool, ...argv])).code !== 0) return `${tool} is not installed`;
  }
  return undefined;
}

/** A shell script that gives the node the Services' addresses, so that IPVS sees their packets as its own. Repeatable. */
export function ipvsAddresses(routes: readonly ServiceRoute[]): string {
  const addresses = new Set(routes.map(({ clusterIP, version }) => `${clusterIP}/${version === 4 ? 32 : 128}`));
  return [
    ...SYSCTLS.map((setting) => setting.split("=")).map(
      ([name, value]) => `echo ${value} >/proc/sys/net/ipv4/vs/${name}`,
    ),
    `ip link show dev ${DEVICE} >/dev/null 2>&1 || ip link add ${DEVICE} type dummy`,
    `ip link set ${DEVICE} arp off up`,
    ...[...addresses].map((cidr) => `ip addr replace ${cidr} dev ${DEVICE}${cidr.includes(":") ? " nodad" : ""}`),
    "",
  ].join("\n");
}

/** Input for `ipset restore`: the sets that `ipvsRules()` look into. Replaces what is in them. */
export function ipvsSets(routes: readonly ServiceRoute[], nodeIndex: number): string {
  return ([4, 6] as const)
    .flatMap((version) => {
      const own = routes.filter((route) => route.version === version);
      const node = version === 4 ? nodeAddress(nodeIndex).v4 : nodeAddress(nodeIndex).v6;
      const family = version === 4 ? "inet" : "inet6";
      const clusterIPs = own.map((route) => `${route.clusterIP},${route.protocol}:${route.port}`);
      const nodePorts = own
        .filter((route) => route.nodePort > 0 && !route.localOnly)
        .map((route) => `${node},${route.protocol}:${route.nodePort}`);
      const loops = own.flatMap((route) =>
        route.backends.map(({ address, port }) => `${address},${route.protocol}:${port},${address}`),
      );
      return [
        ...set(setName("CLUSTER-IP", version), `hash:ip,port family ${family}`, clusterIPs),
        ...set(setName("NODE-PORT", version), `hash:ip,port family ${family}`, nodePorts),
        ...set(setName("LOOP-BACK", version), `hash:ip,port,ip family ${family}`, loops),
      ];
    })
    .map((line) => `${line}\n`)
    .join("");
}

function set(name: string, type: string, entries: readonly string[]): string[] {
  return [
    `create ${name} ${type} -exist`,
    `flush ${name}`,
    ...[...new Set(entries)].map((entry) => `add ${name} ${entry}`),
  ];
}

/**
 * Input for `iptables-restore` (version 4) or `ip6tables-restore` (6): what carries the node's address on its way to a
 * backend, in the shape of kube-proxy's IPVS mode. The choice of the backend is IPVS's.
 */
export function ipvsRules(version: 4 | 6): string {
  const cidr = version === 4 ? CLUSTER_CIDR.v4 : CLUSTER_CIDR.v6;
  const match = (kind: SetKind, by: string) => `-m set --match-set ${setName(kind, version)} ${by}`;
  return `*nat
:PREROUTING ACCEPT
:OUTPUT ACCEPT
:POSTROUTING ACCEPT
:KUBE-SERVICES -
:KUBE-MARK-MASQ -
:KUBE-POSTROUTING -
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-SERVICES ! -s ${cidr} ${match("CLUSTER-IP", "dst,dst")} -j KUBE-MARK-MASQ
-A KUBE-SERVICES ${match("NODE-PORT", "dst,dst")} -j KUBE-MARK-MASQ
-A KUBE-POSTROUTING ${match("LOOP-BACK", "dst,dst,src")} -j MASQUERADE
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
COMMIT
`;
}

/** The node's IPVS table as `ipvsadm -S -n` prints it: a line for each virtual server, and for each backend of it. */
export function ipvsTable(routes: readonly ServiceRoute[], nodeIndex: number): string[] {
  return routes.flatMap((route) => {
    const node = route.version === 4 ? nodeAddress(nodeIndex).v4 : nodeAddress(nodeIndex).v6;
    const servers: [string, readonly Backend[]][] = [[socket(route.clusterIP, route.port), route.backends]];
    if (route.nodePort > 0) servers.push([socket(node, route.nodePort), externalBackends(route, nodeIndex)]);
    const flag = route.protocol === "tcp" ? "-t" : "-u";
    return servers.flatMap(([server, backends]) => [
      `-A ${flag} ${server} -s rr`,
      ...backends.map(({ address, port }) => `-a ${flag} ${server} -r ${socket(address, port)} -m -w 1`),
    ]);
  });
}

/** Input for `ipvsadm -R` that makes the present table, as `ipvsadm -S -n` printed it, the wanted one; "" for no change. */
export function ipvsChanges(present: string, wanted: readonly string[]): string {
  const lines = present.split("\n").map((line) => line.trim());
  const isThere = new Set(lines);
  const stays = new Set(wanted);
  const gone = lines.filter((line) => line !== "" && !stays.has(line));
  return [
    ...gone.filter((line) => line.startsWith("-a ")).map((line) => line.replace(/^-a (.*?) -m .*$/, "-d $1")),
    ...gone.filter((line) => line.startsWith("-A ")).map((line) => line.replace(/^-A (.*?) -s .*$/, "-D $1")),
    ...wanted.filter((line) => !isThere.has(line)),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function socket(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

type SetKind = "CLUSTER-IP" | "NODE-PORT" | "LOOP-BACK";

function setName(kind: SetKind, version: 4 | 6): string {
  return version === 4 ? `KUBE-${kind}` : `KUBE-6-${kind}`;
}
