import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { type DualStack, netnsPath, nodeAddress, podAddress, podCidr } from "./addressing.ts";
import type { CgroupTree } from "./cgroup-tree.ts";
import { Place } from "./place.ts";
import { Program } from "./program.ts";
import { iptablesRules } from "./proxy-iptables.ts";
import { ipvsAddresses, ipvsChanges, ipvsRules, ipvsSets, ipvsTable } from "./proxy-ipvs.ts";
import { nftablesRules } from "./proxy-nftables.ts";
import type { ProxyMode, ServiceRoute } from "./service-route.ts";

const LAST_POD_HOST = 254;

/** One node: a network namespace with pods behind a bridge, and a cgroup subtree of its own. */
export class LabNode {
  readonly index: number;
  /** `n1`, `n2`. */
  readonly name: string;
  readonly address: DualStack;
  /** The node's own programs: its network namespace, and a system service's cgroup. */
  readonly host: Place;
  readonly #tree: CgroupTree;
  readonly #used = new Set<number>();
  #nextHost = 2;

  private constructor(index: number, tree: CgroupTree, hostCgroup: string) {
    this.index = index;
    this.name = `n${index}`;
    this.address = nodeAddress(index);
    this.#tree = tree;
    this.host = new Place(netnsPath(this.name), hostCgroup);
  }

  static async create(index: number, tree: CgroupTree): Promise<LabNode> {
    return new LabNode(index, tree, await tree.make(`n${index}/system.slice/lab.service`));
  }

  /** Absolute path of the directory that stands for this node's root of the cgroup tree. */
  get cgroupRoot(): string {
    return `${this.#tree.root}/${this.name}`;
  }

  /** The next free address, as a host-local address manager gives it: in turn, so that none is reused soon; or the one asked for. */
  takeAddress(host?: number): { host: number; address: DualStack } {
    const chosen = host ?? this.#nextFree();
    if (this.#used.has(chosen) || chosen < 2 || chosen > LAST_POD_HOST) {
      throw new Error(
        `Cannot give a pod on ${this.name} address number ${chosen}: needed is a free one of 2 … ${LAST_POD_HOST}`,
      );
    }
    this.#used.add(chosen);
    if (host === undefined) this.#nextHost = chosen === LAST_POD_HOST ? 2 : chosen + 1;
    return { host: chosen, address: podAddress(this.index, chosen) };
  }

  releaseAddress(host: number): void {
    this.#used.delete(host);
  }

  #nextFree(): number {
    for (
      let tried = 0, host = this.#nextHost;
      tried < LAST_POD_HOST;
      tried++, host = host === LAST_POD_HOST ? 2 : host + 1
    ) {
      if (!this.#used.has(host)) return host;
    }
    throw new Error(`Cannot give a pod on ${this.name} an address: all are in use`);
  }

  /** Makes the node's rules those of `routes`. */
  async program(routes: readonly ServiceRoute[], mode: ProxyMode): Promise<void> {
    if (mode === "nftables") {
      await this.#enter(["nft", "-f", "-"], nftablesRules(routes, this.index));
    } else if (mode === "iptables") {
      await this.#enter(["iptables-restore", "-w"], iptablesRules(routes, 4, this.index));
      await this.#enter(["ip6tables-restore", "-w"], iptablesRules(routes, 6, this.index));
    } else {
      await this.#programIpvs(routes);
    }
  }

  async #programIpvs(routes: readonly ServiceRoute[]): Promise<void> {
    await this.#enter(["sh", "-e"], ipvsAddresses(routes));
    await this.#enter(["ipset", "restore"], ipvsSets(routes, this.index));
    await this.#enter(["iptables-restore", "-w"], ipvsRules(4));
    await this.#enter(["ip6tables-restore", "-w"], ipvsRules(6));
    // Not from scratch: that would cut what is connected.
    const changes = ipvsChanges(await this.#enter(["ipvsadm", "-S", "-n"]), ipvsTable(routes, this.index));
    if (changes !== "") await this.#enter(["ipvsadm", "-R"], changes);
  }

  /** Packets and bytes that one of the node's devices has sent and received, such as `flannel.1`. */
  async deviceCounters(
    device: string,
  ): Promise<{ sentPackets: number; receivedPackets: number; sentBytes: number; receivedBytes: number }> {
    const [link] = JSON.parse(await this.#enter(["ip", "-j", "-s", "link", "show", "dev", device])) as [
      LinkWithCounters,
    ];
    const { tx, rx } = link.stats64;
    return { sentPackets: tx.packets, receivedPackets: rx.packets, sentBytes: tx.bytes, receivedBytes: rx.bytes };
  }

  object(): KubernetesObject {
    const cidr = podCidr(this.index);
    const zone = { "topology.kubernetes.io/zone": `lab-${this.name}`, "topology.kubernetes.io/region": "lab" };
    return {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: this.name, labels: { "kubernetes.io/hostname": this.name, ...zone } },
      spec: { podCIDR: cidr.v4, podCIDRs: [cidr.v4, cidr.v6] },
      status: {
        addresses: [
          { type: "InternalIP", address: this.address.v4 },
          { type: "InternalIP", address: this.address.v6 },
          { type: "Hostname", address: this.name },
        ],
        conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "the lab is up" }],
      },
    };
  }

  // Not in a cgroup of the lab: the node's tools are no load of the node.
  #enter(argv: readonly string[], input?: string): Promise<string> {
    const options = input === undefined ? {} : { input };
    return Program.mustRun(["nsenter", `--net=${this.host.netns}`, "--", ...argv], options);
  }
}

interface LinkWithCounters {
  readonly stats64: {
    readonly rx: { readonly packets: number; readonly bytes: number };
    readonly tx: { readonly packets: number; readonly bytes: number };
  };
}
