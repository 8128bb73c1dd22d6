import { randomBytes } from "node:crypto";
import type { PeerPlace } from "../lab/peer.ts";
import { Program } from "../lab/program.ts";

/** Where the parts are; `client` is behind the node, `far` beyond it, and the node's own addresses are their neighbours. */
export const NAT_ADDRESSES = {
  client: { v4: "10.77.1.2", v6: "fd00:77:1::2" },
  nearNode: { v4: "10.77.1.1", v6: "fd00:77:1::1" },
  farNode: { v4: "10.77.2.1", v6: "fd00:77:2::1" },
  backend: { v4: "10.77.2.2", v6: "fd00:77:2::2" },
  service: { v4: "10.77.9.9", v6: "fd00:77:9::9" },
} as const;

/** Ports of the service's address: `port` as kube-proxy sends a pod's connection on, `masqueradedPort` as it does what came to a node port. */
export const NAT_PORTS = { port: 80, masqueradedPort: 81, backend: 8080 } as const;

/**
 * A node with a pod and, beyond it, a backend: three network namespaces of names that nobody else has. The node translates the
 * service's address as kube-proxy does. Goes with `down()`.
 */
export class NatHost {
  readonly #names: Readonly<Record<"client" | "node" | "far", string>>;

  private constructor(id: string) {
    this.#names = { client: `weir-nat-${id}-c`, node: `weir-nat-${id}-n`, far: `weir-nat-${id}-f` };
  }

  static async up(): Promise<NatHost> {
    const host = new NatHost(randomBytes(4).toString("hex"));
    try {
      await host.#build();
      return host;
    } catch (error) {
      await host.down();
      throw error;
    }
  }

  /** Runs programs in one of the namespaces. They are killed when this process goes. */
  place(where: "client" | "node" | "far"): PeerPlace {
    return { start: (argv, options) => Program.start([...this.enter(where), ...argv], options) };
  }

  /** What goes before a command that is to run there. */
  enter(where: "client" | "node" | "far"): [string, ...string[]] {
    return ["setpriv", "--pdeathsig", "KILL", "--", "nsenter", `--net=/run/netns/${this.#names[where]}`, "--"];
  }

  /** The backend hears nothing any more of what is sent to its port. */
  async deafen(): Promise<void> {
    const rule = `table inet fault { chain input { type filter hook input priority filter; tcp dport ${NAT_PORTS.backend} drop; }; }`;
    await Program.mustRun([...this.enter("far"), "nft", "-f", "-"], { input: rule });
  }

  /** Inode number of a namespace. */
  async netns(where: "client" | "node" | "far"): Promise<number> {
    const text = await Program.mustRun(["stat", "-L", "-c", "%i", `/run/netns/${this.#names[where]}`]);
    return Number(text);
  }

  async down(): Promise<void> {
    await Promise.all(Object.values(this.#names).map((name) => Program.run(["ip", "netns", "del", name])));
  }

  async #build(): Promise<void> {
    const { client, node, far } = this.#names;
    const at = NAT_ADDRESSES;
    const leg = (netns: string, device: string, { v4, v6 }: { v4: string; v6: string }) => [
      `ip -n ${netns} addr add ${v4}/24 dev ${device}`,
      `ip -n ${netns} addr add ${v6}/64 dev ${device} nodad`,
      `ip -n ${netns} link set ${device} up`,
    ];
    const gateway = (netns: string, { v4, v6 }: { v4: string; v6: string }) => [
      `ip -n ${netns} route add default via ${v4}`,
      `ip -n ${netns} route add default via ${v6}`,
    ];
    const rule = (version: "v4" | "v6") => {
      const [match, open, close] = version === "v4" ? ["ip", "", ""] : ["ip6", "[", "]"];
      const ports = `{ ${NAT_PORTS.port}, ${NAT_PORTS.masqueradedPort} }`;
      return `${match} daddr ${at.service[version]} tcp dport ${ports} dnat ${match} to ${open}${at.backend[version]}${close}:${NAT_PORTS.backend}`;
    };
    const rules = `table inet proxy {
  chain prerouting { type nat hook prerouting priority dstnat; ${rule("v4")}; ${rule("v6")}; }
  chain output { type nat hook output priority -100; ${rule("v4")}; ${rule("v6")}; }
  chain postrouting { type nat hook postrouting priority srcnat; meta l4proto tcp ct original proto-dst ${NAT_PORTS.masqueradedPort} masquerade; }
}`;
    const script = [
      ...[client, node, far].flatMap((name) => [`ip netns add ${name}`, `ip -n ${name} link set lo up`]),
      `ip -n ${node} link add near type veth peer name eth0 netns ${client}`,
      `ip -n ${node} link add far type veth peer name eth0 netns ${far}`,
      ...leg(client, "eth0", at.client),
      ...leg(node, "near", at.nearNode),
      ...leg(node, "far", at.farNode),
      ...leg(far, "eth0", at.backend),
      ...gateway(client, at.nearNode),
      ...gateway(far, at.farNode),
      // What goes to a service needs a route to come as far as the rules.
      ...gateway(node, at.backend),
      `nsenter --net=/run/netns/${node} sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'`,
      // A port of both would be one of masqueraded connections, too, and the kernel drops what ended for what begins with the same ports.
      `nsenter --net=/run/netns/${client} sh -c 'echo 20000 29999 >/proc/sys/net/ipv4/ip_local_port_range'`,
      `nsenter --net=/run/netns/${node} sh -c 'echo 40000 49999 >/proc/sys/net/ipv4/ip_local_port_range'`,
      `nsenter --net=/run/netns/${node} nft -f - <<'E'\n${rules}\nE`,
      // A slow machine takes more than the 10 seconds after a reset to start a program that asks. The rules have brought
      // connection tracking, where it is a module.
      `nsenter --net=/run/netns/${node} sh -c 'echo 120 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close'`,
    ];
    await Program.mustRun(["sh", "-e"], { input: `${script.join("\n")}\n` });
  }
}
