import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { runTool } from "./run-tool.ts";

/** What a guest needs to find its disks. */
export const BOOT_MODULES = ["virtio_pci", "virtio_blk", "ext4"] as const;

/** What the lab and kube-proxy's rules need, in any of their modes, and machines with a network; the kernel loads most of them when they are asked for. */
const NETWORK_MODULES = [
  ...["virtio_net", "virtio_console"],
  ...[
    "veth",
    "bridge",
    "br_netfilter",
    "vxlan",
    "geneve",
    "dummy",
    "macvlan",
    "ipvlan",
    "tun",
    "ipip",
    "sit",
    "ip_gre",
  ],
  ...["wireguard", "8021q", "sctp", "overlay", "sch_netem", "sch_tbf", "sch_fq", "sch_fq_codel", "sch_ingress"],
  ...["cls_u32", "cls_bpf", "act_mirred", "inet_diag", "tcp_diag", "udp_diag", "unix_diag", "netlink_diag"],
  ...["tcp_bbr", "af_packet_diag", "tls"],
  ...[
    "nf_tables",
    "nf_tables_set",
    "nft_counter",
    "nft_objref",
    "nft_compat",
    "nft_chain_nat",
    "nft_ct",
    "nft_nat",
    "nft_masq",
    "nft_redir",
    "nft_reject",
    "nft_limit",
  ],
  ...["nft_reject_inet", "nft_reject_ipv4", "nft_reject_ipv6", "nft_log", "nft_numgen", "nft_hash", "nft_fib_inet"],
  ...["nft_fib_ipv4", "nft_fib_ipv6", "nft_socket", "nft_quota", "nft_connlimit", "nft_tproxy"],
  ...[
    "nf_conntrack",
    "nf_conntrack_netlink",
    "nf_nat",
    "nf_log_syslog",
    "nf_log_ipv4",
    "nf_log_ipv6",
    "nfnetlink",
    "nfnetlink_log",
    "nfnetlink_queue",
  ],
  ...["ip_tables", "ip6_tables", "iptable_nat", "iptable_filter", "iptable_mangle", "iptable_raw", "ip6table_nat"],
  ...["ip6table_filter", "ip6table_mangle", "ip6table_raw", "ipt_REJECT", "ip6t_REJECT", "xt_tcpudp", "xt_conntrack"],
  ...["xt_nat", "xt_MASQUERADE", "xt_REDIRECT", "xt_comment", "xt_mark", "xt_connmark", "xt_addrtype", "xt_statistic"],
  ...["xt_multiport", "xt_recent", "xt_physdev", "xt_set", "xt_limit", "xt_ipvs", "xt_TPROXY", "xt_LOG", "xt_cgroup"],
  ...["xt_NFLOG", "xt_owner", "xt_socket", "xt_CT", "xt_string", "xt_TCPMSS"],
  ...["ip_set", "ip_set_hash_ip", "ip_set_hash_ipport", "ip_set_hash_ipportip", "ip_set_hash_ipportnet"],
  ...["ip_set_hash_net", "ip_set_bitmap_port"],
  ...["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_lc", "ip_vs_wlc", "ip_vs_sh", "ip_vs_mh", "ip_vs_sed", "ip_vs_nq"],
];

/** A kernel's modules as its package unpacked them: a directory that holds `lib/modules/VERSION`. */
export class ModuleTree {
  /** As `uname -r` prints it. */
  readonly version: string;
  readonly directory: string;
  readonly #unpacked: string;
  readonly #pathByName = new Map<string, string>();
  readonly #needs = new Map<string, readonly string[]>();

  /** Works out which module needs which. */
  static async open(unpacked: string): Promise<ModuleTree> {
    const base = existsSync(join(unpacked, "lib/modules")) ? unpacked : join(unpacked, "usr");
    const [version] = readdirSync(join(base, "lib/modules"));
    if (version === undefined) throw new Error(`Cannot find a kernel's modules below ${unpacked}`);
    await runTool("depmod", ["-b", base, version]);
    return new ModuleTree(unpacked, join(base, "lib/modules", version), version);
  }

  private constructor(unpacked: string, directory: string, version: string) {
    this.#unpacked = unpacked;
    this.directory = directory;
    this.version = version;
    for (const line of readFileSync(join(this.directory, "modules.dep"), "utf8").split("\n")) {
      const [path, needs] = line.split(":");
      if (!path) continue;
      this.#pathByName.set(nameOf(path), path);
      this.#needs.set(path, needs?.split(" ").filter(Boolean) ?? []);
    }
  }

  /**
   * Copies the modules that guests need, and what those need, uncompressed into `target` (the guest's root).
   * A module that this kernel does not have is built in, or did not exist then; either shows when it is used.
   */
  async copyTo(target: string): Promise<void> {
    const paths = new Set<string>();
    for (const name of [...BOOT_MODULES, ...NETWORK_MODULES]) for (const path of this.#closure(name)) paths.add(path);
    const copy = join(target, "lib/modules", this.version);
    const compressed: string[] = [];
    for (const path of paths) {
      const to = join(copy, path);
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(join(this.directory, path), to);
      if (path.endsWith(".xz")) compressed.push(to);
    }
    if (compressed.length > 0) await runTool("xz", ["-d", ...compressed]);
    for (const file of readdirSync(this.directory)) {
      if (/^modules\.(builtin|order)/.test(file)) copyFileSync(join(this.directory, file), join(copy, file));
    }
    await runTool("depmod", ["-b", target, this.version]);
  }

  /** Paths as in the guest, in the order to load them; empty where the module is built in. */
  loadOrder(name: string): string[] {
    return [...this.#closure(name)].map((path) => `/lib/modules/${this.version}/${path.replace(/\.xz$/, "")}`);
  }

  /** What a module needs comes before it. */
  #closure(name: string): Set<string> {
    const path = this.#pathByName.get(name);
    // depmod lists the nearest need first.
    return path === undefined ? new Set() : new Set([...(this.#needs.get(path) ?? []).toReversed(), path]);
  }

  /** The kernel's image. */
  get vmlinuz(): string {
    for (const path of [join(this.#unpacked, "boot", `vmlinuz-${this.version}`), join(this.directory, "vmlinuz")]) {
      if (existsSync(path)) return path;
    }
    throw new Error(`Cannot find the image of kernel ${this.version} below ${this.#unpacked}`);
  }
}

function nameOf(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}
