import { createHash } from "node:crypto";
import { CLUSTER_CIDR } from "./addressing.ts";
import { type Backend, externalBackends, type ServiceRoute } from "./service-route.ts";

/**
 * Input for `iptables-restore` (version 4) or `ip6tables-restore` (6) on a node: Services in the shape of
 * kube-proxy's iptables mode, replacing what was there.
 */
export function iptablesRules(routes: readonly ServiceRoute[], version: 4 | 6, nodeIndex: number): string {
  const own = routes.filter((route) => route.version === version);
  const served = own.filter((route) => route.backends.length > 0);
  const cidr = version === 4 ? CLUSTER_CIDR.v4 : CLUSTER_CIDR.v6;
  const host = version === 4 ? 32 : 128;
  const chains = ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-MARK-MASQ", "KUBE-POSTROUTING"];
  const rules: string[] = [
    "-A PREROUTING -j KUBE-SERVICES",
    "-A OUTPUT -j KUBE-SERVICES",
    "-A POSTROUTING -j KUBE-POSTROUTING",
    "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000",
    "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
    "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
    "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
  ];
  for (const route of served) {
    const service = chain("KUBE-SVC-", route, "");
    const external = chain("KUBE-EXT-", route, "");
    const match = `-p ${route.protocol} -m ${route.protocol} --dport`;
    chains.push(service, external);
    rules.push(
      `-A KUBE-SERVICES -d ${route.clusterIP}/${host} ${match} ${route.port} -j ${service}`,
      `-A ${service} ! -s ${cidr} -d ${route.clusterIP}/${host} ${match} ${route.port} -j KUBE-MARK-MASQ`,
    );
    if (!route.localOnly) rules.push(`-A ${external} -j KUBE-MARK-MASQ`, `-A ${external} -j ${service}`);
    if (route.nodePort > 0) rules.push(`-A KUBE-NODEPORTS ${match} ${route.nodePort} -j ${external}`);
    const endpointOf = ({ address, port }: Backend) => chain("KUBE-SEP-", route, `${address} ${port}`);
    const choose = (from: string, backends: readonly Backend[]) =>
      backends.map((backend, index) => {
        const left = backends.length - index;
        const odds = left > 1 ? `-m statistic --mode random --probability ${(1 / left).toFixed(11)} ` : "";
        return `-A ${from} ${odds}-j ${endpointOf(backend)}`;
      });
    rules.push(...choose(service, route.backends));
    if (route.localOnly) rules.push(...choose(external, externalBackends(route, nodeIndex)));
    for (const backend of route.backends) {
      const endpoint = endpointOf(backend);
      const target = version === 4 ? `${backend.address}:${backend.port}` : `[${backend.address}]:${backend.port}`;
      chains.push(endpoint);
      rules.push(
        `-A ${endpoint} -s ${backend.address}/${host} -j KUBE-MARK-MASQ`,
        `-A ${endpoint} -p ${route.protocol} -m ${route.protocol} -j DNAT --to-destination ${target}`,
      );
    }
  }
  rules.push("-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS");
  const refusals = own
    .filter((route) => route.backends.length === 0)
    .map(
      (route) => `-A KUBE-SERVICES -d ${route.clusterIP}/${host} -p ${route.protocol} --dport ${route.port} -j REJECT`,
    );
  return `*nat
:PREROUTING ACCEPT
:OUTPUT ACCEPT
:POSTROUTING ACCEPT
${chains.map((name) => `:${name} -`).join("\n")}
${rules.join("\n")}
COMMIT
*filter
:FORWARD ACCEPT
:OUTPUT ACCEPT
:KUBE-SERVICES -
-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES
${refusals.join("\n")}
COMMIT
`;
}

function chain(prefix: string, route: ServiceRoute, more: string): string {
  const name = `${route.namespace}/${route.service}:${route.portName} ${route.protocol} ${more}`;
  return prefix + createHash("sha256").update(name).digest("hex").slice(0, 16).toUpperCase();
}
