import { createHash } from "node:crypto";
import { CLUSTER_CIDR, nodeAddress } from "./addressing.ts";
import { type Backend, externalBackends, type ServiceRoute } from "./service-route.ts";

/** Input for `nft -f` on one node: Services in the shape of kube-proxy's nftables mode, replacing what was there. */
export function nftablesRules(routes: readonly ServiceRoute[], nodeIndex: number): string {
  return ([4, 6] as const)
    .map((version) =>
      table(
        version,
        routes.filter((route) => route.version === version),
        nodeIndex,
      ),
    )
    .join("\n");
}

function table(version: 4 | 6, routes: readonly ServiceRoute[], nodeIndex: number): string {
  const family = version === 4 ? "ip" : "ip6";
  const key = version === 4 ? "ipv4_addr" : "ipv6_addr";
  const cidr = version === 4 ? CLUSTER_CIDR.v4 : CLUSTER_CIDR.v6;
  const node = version === 4 ? nodeAddress(nodeIndex).v4 : nodeAddress(nodeIndex).v6;
  const served = routes.filter((route) => route.backends.length > 0);
  const empty = routes.filter((route) => route.backends.length === 0);
  const atClusterIP = (route: ServiceRoute) => `${route.clusterIP} . ${route.protocol} . ${route.port}`;
  const withNodePort = served.filter((route) => route.nodePort > 0);
  const elements = (entries: readonly string[]) => (entries.length > 0 ? `elements = { ${entries.join(", ")} }` : "");
  return `table ${family} kube-proxy
delete table ${family} kube-proxy
table ${family} kube-proxy {
  set nodeport-ips { type ${key}; elements = { ${node} } }
  map service-ips {
    type ${key} . inet_proto . inet_service : verdict
    ${elements(served.map((route) => `${atClusterIP(route)} : goto ${chain("service", route)}`))}
  }
  map service-nodeports {
    type inet_proto . inet_service : verdict
    ${elements(withNodePort.map((route) => `${route.protocol} . ${route.nodePort} : goto ${chain("external", route)}`))}
  }
  map no-endpoint-services {
    type ${key} . inet_proto . inet_service : verdict
    ${elements(empty.map((route) => `${atClusterIP(route)} : goto reject-chain`))}
  }
  chain reject-chain { reject; }
  chain mark-for-masquerade { mark set mark or 0x4000; }
${served.map((route) => serviceChains(route, family, cidr, nodeIndex)).join("")}
  chain services {
    ${family} daddr . meta l4proto . th dport vmap @service-ips
    ${family} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
  }
  chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
  chain nat-postrouting {
    type nat hook postrouting priority srcnat - 1
    mark & 0x4000 == 0 return
    mark set mark ^ 0x4000
    masquerade fully-random
  }
  chain service-endpoints-check { ${family} daddr . meta l4proto . th dport vmap @no-endpoint-services; }
  chain filter-input { type filter hook input priority -110; ct state new jump service-endpoints-check; }
  chain filter-forward { type filter hook forward priority -110; ct state new jump service-endpoints-check; }
  chain filter-output { type filter hook output priority -110; ct state new jump service-endpoints-check; }
}
`;
}

function serviceChains(route: ServiceRoute, family: string, cidr: string, nodeIndex: number): string {
  const endpoint = (index: number) => chain("endpoint", route, `__${index}`);
  const choose = (backends: readonly Backend[]) => {
    const choices = backends.map((backend, index) => `${index} : goto ${endpoint(route.backends.indexOf(backend))}`);
    return choices.length === 0 ? "drop" : `numgen random mod ${choices.length} vmap { ${choices.join(", ")} }`;
  };
  const endpoints = route.backends.map((backend, index) => {
    const target = family === "ip" ? `${backend.address}:${backend.port}` : `[${backend.address}]:${backend.port}`;
    return `  chain ${endpoint(index)} {
    ${family} saddr ${backend.address} jump mark-for-masquerade
    meta l4proto ${route.protocol} dnat to ${target}
  }
`;
  });
  return `${endpoints.join("")}  chain ${chain("service", route)} {
    ${family} daddr ${route.clusterIP} ${route.protocol} dport ${route.port} ${family} saddr != ${cidr} jump mark-for-masquerade
    ${choose(route.backends)}
  }
  chain ${chain("external", route)} {
    ${route.localOnly ? choose(externalBackends(route, nodeIndex)) : `jump mark-for-masquerade\n    goto ${chain("service", route)}`}
  }
`;
}

function chain(kind: string, route: ServiceRoute, suffix = ""): string {
  const name = `${route.namespace}/${route.service}/${route.protocol}/${route.portName}`;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8).toUpperCase();
  return `${kind}-${hash}-${name}${suffix}`;
}
