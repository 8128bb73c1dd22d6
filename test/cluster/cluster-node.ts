import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Program, type ProgramOptions } from "../lab/program.ts";
import type { ApiServer } from "../rig/api-server.ts";
import { Process } from "../rig/process.ts";
import { toolDirectory } from "../rig/tools.ts";
import { CLUSTER_DIRECTORY, CLUSTER_PREFIX, netnsPath, nodeAddress } from "./addressing.ts";
import type { ContainerRuntime } from "./container-runtime.ts";
import type { Image } from "./images.ts";
import { cgroupHierarchies } from "./leftovers.ts";
import { type ProxyMode, writeCniConfiguration, writeNodeFiles } from "./node-files.ts";
import { NODE_DIRECTORIES } from "./node-mounts.ts";

/**
 * What a node's programs and pods see of the cgroups:
 * - `namespace`: the node's part only, from its root on (`/kubepods/…`); other nodes' pods are `/../n2/…`. A host of cgroup v1 is so.
 * - `private`: as before, and an unprivileged pod has a namespace of its own, `/`, as on a host of pure cgroup v2.
 * - `host`: all, by the path from the host's root (`/weir-cluster/n1/kubepods/…`), as in kind.
 */
export type CgroupView = "namespace" | "private" | "host";

export interface ClusterNodeOptions {
  readonly index: number;
  readonly api: ApiServer;
  readonly runtime: ContainerRuntime;
  readonly images: readonly Image[];
  readonly pauseImage: string;
  readonly proxy: ProxyMode;
  readonly cgroups: CgroupView;
  /** Where its programs' logs go. */
  readonly logs: string;
}

const INIT = join(import.meta.dirname, "node-init.sh");
const PRIVATE_RUNC = join(import.meta.dirname, "private-cgroup-runc.ts");
// The shell joins the node's part of every hierarchy first and becomes the program in place. nsenter and not "ip netns exec", which
// would hide the cgroups under a new /sys.
const JOIN = `for path in $1; do echo $$ >"$path/cgroup.procs" || exit 126; done; shift`;
const ENTER = `${JOIN}; pid=$1; shift; exec nsenter --target "$pid" --mount --uts --net --cgroup -- "$@"`;
const ENTER_NETWORK = `${JOIN}; netns=$1; shift; exec nsenter --net="$netns" -- "$@"`;

/** A node that is a set of namespaces of this host, with a real containerd, kubelet and kube-proxy. */
export class ClusterNode {
  /** `n1`, `n2`, … */
  readonly name: string;
  readonly address: string;
  readonly #options: ClusterNodeOptions;
  readonly #directory: string;
  readonly #bin: string;
  readonly #cgroups: string;
  readonly #anchor: Process;
  readonly #daemons: Process[] = [];

  /** Makes the namespaces and starts containerd, with its images; `join()` does the rest. */
  static async create(options: ClusterNodeOptions): Promise<ClusterNode> {
    const { index, cgroups, logs } = options;
    const name = `n${index}`;
    const directory = join(CLUSTER_DIRECTORY, name);
    await mkdir(directory, { recursive: true });
    const paths = await makeCgroups(name);
    const ready = join(directory, "ready");
    const view = cgroups === "host" ? "host-cgroups" : "own-cgroups";
    const init = [INIT, name, directory, view, ready, ...NODE_DIRECTORIES];
    const anchor = await Process.start({
      command: ["sh", "-c", ENTER_NETWORK, "sh", paths, netnsPath(name), ...init],
      logFile: join(logs, `${name}-init.log`),
    });
    await anchor.waitUntil(async () => (await readFile(ready)) !== undefined, { what: `the namespaces of ${name}` });
    const node = new ClusterNode(
      options,
      directory,
      paths,
      anchor,
      await toolDirectory("kubelet", "containerd", "flannel"),
    );
    await node.#writeFiles();
    await node.#startContainerd();
    return node;
  }

  private constructor(options: ClusterNodeOptions, directory: string, cgroups: string, anchor: Process, bin: string) {
    this.name = `n${options.index}`;
    this.address = nodeAddress(options.index);
    this.#options = options;
    this.#directory = directory;
    this.#cgroups = cgroups;
    this.#anchor = anchor;
    this.#bin = bin;
  }

  /** Starts a program as one of the node's own; `Program.pid` is the program's. Its path is the same here and there. */
  start(argv: readonly string[], options: ProgramOptions = {}): Program {
    return Program.start(this.#enter(argv), options);
  }

  /** Runs a program to its end and gives what it printed. Throws, with standard error, unless it exits with 0. */
  mustRun(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return Program.mustRun(this.#enter(argv), options);
  }

  /** Starts the kubelet and kube-proxy. The node is ready once it has a network, see `connect()`. */
  async join(): Promise<void> {
    const { api } = this.#options;
    const kubeconfig = api.certificateKubeconfig({
      commonName: `system:node:${this.name}`,
      organization: "system:nodes",
    });
    await this.#daemon("kubelet", [
      join(this.#bin, "kubelet"),
      `--config=${this.#directory}/kubelet.yaml`,
      `--kubeconfig=${kubeconfig}`,
      `--hostname-override=${this.name}`,
      `--node-ip=${this.address}`,
      "--v=2",
    ]);
    await this.#daemon("kube-proxy", [join(this.#bin, "kube-proxy"), `--config=${this.#directory}/proxy.yaml`]);
  }

  /** Tells containerd how to connect pods; the kubelet notices within seconds. */
  connect(podCidr: string, mtu = 1500): void {
    writeCniConfiguration(this.#cniConfiguration, podCidr, mtu);
  }

  /** Starts Flannel; gives the MTU that its encapsulation leaves, once it is connected. */
  async startFlannel(kubeconfig: string, netConf: string): Promise<number> {
    const subnetFile = join(this.#directory, "run/flannel/subnet.env");
    const flags = [`--kubeconfig=${kubeconfig}`, `--net-config=${netConf}`];
    const flannel = await this.#daemon("flanneld", [
      "env",
      `NODE_NAME=${this.name}`,
      join(this.#bin, "flanneld"),
      ...flags,
    ]);
    const look = async () => /^FLANNEL_MTU=(\d+)$/m.exec(await readFile(subnetFile, "utf8"))?.[1];
    return Number(await flannel.waitUntil(look, { what: `Flannel on ${this.name}`, deadlineMs: 60_000 }));
  }

  /** Ends its programs; containers go with its cgroups, see `removeLeftovers()`. */
  async kill(): Promise<void> {
    await Promise.all([...this.#daemons, this.#anchor].map((process) => process.kill()));
  }

  get #cniConfiguration(): string {
    return join(this.#directory, "cni");
  }

  async #writeFiles(): Promise<void> {
    const { api, runtime, proxy, cgroups, pauseImage } = this.#options;
    const runc = join(this.#directory, "runc");
    const command = [process.execPath, PRIVATE_RUNC, runtime.runc].map((part) => `'${part}'`).join(" ");
    if (cgroups === "private") await writeFile(runc, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    writeNodeFiles(this.#directory, {
      name: this.name,
      address: this.address,
      proxy,
      proxyKubeconfig: api.certificateKubeconfig({
        commonName: "system:kube-proxy",
        organization: "system:node-proxier",
      }),
      caFile: api.caFile,
      runc: cgroups === "private" ? runc : runtime.runc,
      cniPlugins: runtime.cniPlugins,
      cniConfiguration: this.#cniConfiguration,
      pauseImage,
      cgroupRoot: cgroups === "host" ? `/${CLUSTER_PREFIX}/${this.name}` : "/",
      mayProtect: false,
      emulated: false,
    });
  }

  async #startContainerd(): Promise<void> {
    const config = `${this.#directory}/containerd.toml`;
    const containerd = await this.#daemon("containerd", [join(this.#bin, "containerd"), "--config", config]);
    const ctr = (...args: string[]) => this.mustRun([join(this.#bin, "ctr"), "--namespace", "k8s.io", ...args]);
    await containerd.waitUntil(() => ctr("version"), {
      what: `containerd on ${this.name}`,
      deadlineMs: 60_000,
      intervalMs: 200,
    });
    for (const { archive } of this.#options.images) await ctr("images", "import", "--local", archive);
  }

  async #daemon(name: string, command: readonly string[]): Promise<Process> {
    const process = await Process.start({
      command: this.#enter(command) as [string, ...string[]],
      logFile: join(this.#options.logs, `${this.name}-${name}.log`),
      env: { PATH: `${this.#bin}:${globalThis.process.env["PATH"]}` },
    });
    this.#daemons.push(process);
    return process;
  }

  #enter(argv: readonly string[]): string[] {
    return ["sh", "-c", ENTER, "sh", this.#cgroups, String(this.#anchor.pid), ...argv];
  }
}

/** The node's directory in every hierarchy, separated by blanks. */
async function makeCgroups(name: string): Promise<string> {
  const paths: string[] = [];
  for (const hierarchy of await cgroupHierarchies()) {
    const path = join(hierarchy, CLUSTER_PREFIX, name);
    await mkdir(path, { recursive: true });
    paths.push(path);
    // A new cpuset has no CPUs, and takes no process until it has.
    for (const directory of [dirname(path), path]) {
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        const parents = await readFile(join(dirname(directory), file), "utf8").catch(() => undefined);
        if (parents !== undefined) await writeFile(join(directory, file), parents);
      }
    }
  }
  if (paths.length === 0) throw new Error("Cannot make a node: no cgroups are mounted on this host");
  return paths.join(" ");
}
