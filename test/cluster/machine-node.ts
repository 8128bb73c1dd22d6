import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BootFiles, bootFiles } from "../kernels/boot-files.ts";
import { selectReleases } from "../kernels/kernel-release.ts";
import { qemuCommand } from "../kernels/qemu.ts";
import { rootImage } from "../kernels/root-image.ts";
import { CgroupTree } from "../lab/cgroup-tree.ts";
import { Place } from "../lab/place.ts";
import type { Program, ProgramOptions } from "../lab/program.ts";
import type { ApiServer } from "../rig/api-server.ts";
import { Process } from "../rig/process.ts";
import type { WaitOptions } from "../rig/wait-until.ts";
import { CLUSTER_DIRECTORY, CLUSTER_PREFIX, HOST_ADDRESS, netnsPath, nodeAddress } from "./addressing.ts";
import type { ContainerRuntime } from "./container-runtime.ts";
import type { Image } from "./images.ts";
import { makeImagesDisk, makeNodeDisk, PROGRAMS, programsDisk } from "./machine-disks.ts";
import type { MachineShell } from "./machine-shell.ts";
import { addTap } from "./network.ts";
import { writeCniConfiguration, writeNodeFiles } from "./node-files.ts";

/** Debian 12's, whose root file system the guests have. */
const KERNEL = "6.1";
/** Of the guest's programs, each with a port to a file of this host. */
const LOGS = ["containerd", "kubelet", "kube-proxy"];

/** What a machine is made of, the same for all clusters of this host. */
export interface MachineParts {
  readonly boot: BootFiles;
  readonly parameters: readonly string[];
  readonly root: string;
  readonly programs: string;
}

export interface MachineNodeOptions {
  readonly index: number;
  readonly api: ApiServer;
  readonly parts: MachineParts;
  readonly images: readonly Image[];
  readonly pauseImage: string;
  readonly runtime: ContainerRuntime;
  /** Addresses of every node's pods, by the node's name. */
  readonly podCidrs: ReadonlyMap<string, string>;
  /** Where its programs' logs go. */
  readonly logs: string;
}

/** Makes and downloads what is missing: minutes the first time. */
export async function machineParts(runtime: ContainerRuntime): Promise<MachineParts> {
  const [kernel] = selectReleases([KERNEL]);
  if (kernel === undefined) throw new Error(`Cannot make a machine: there is no kernel ${KERNEL}`);
  const root = await rootImage();
  const programs = await programsDisk(runtime);
  return { boot: await bootFiles(kernel), parameters: kernel.parameters, root, programs };
}

/**
 * A node that is a virtual machine, with a kernel of its own: pure cgroup v2, and kube-proxy in IPVS mode. Its CPU is emulated,
 * so everything takes ten times as long as on the others.
 */
export class MachineNode {
  /** `n1`, `n2`, … */
  readonly name: string;
  readonly address: string;
  readonly #qemu: Process;
  #shell: MachineShell | undefined;

  /** Returns when it has been switched on. By itself, it then becomes a node that is ready. */
  static async create(options: MachineNodeOptions): Promise<MachineNode> {
    const { index, parts, images, logs } = options;
    const name = `n${index}`;
    const directory = join(CLUSTER_DIRECTORY, name);
    writeFiles(name, directory, options);
    const [disk, imagesDisk] = [`${directory}.img`, `${directory}-images.img`];
    await makeNodeDisk(directory, disk);
    await makeImagesDisk(`${directory}-images`, images, imagesDisk, join(logs, `${name}-images.log`));
    const tap = await addTap(name);
    const command = qemuCommand({
      boot: parts.boot,
      parameters: parts.parameters,
      disks: {
        root: { image: parts.root, mountPoint: "/" },
        programs: { image: parts.programs, mountPoint: PROGRAMS },
        // Its files name each other by where they are on this host.
        node: { image: disk, mountPoint: directory },
        images: { image: imagesDisk, mountPoint: "/var/lib/containerd" },
      },
      init: join(directory, "init.sh"),
      cpus: 1,
      devices: [
        ...["-netdev", `tap,id=lan,ifname=${tap},script=no,downscript=no`],
        ...["-device", `virtio-net-pci,netdev=lan,mac=02:00:00:00:00:${String(index).padStart(2, "0")}`],
        ...["-device", "virtio-serial-pci"],
        ...LOGS.flatMap((log) => [
          ...["-chardev", `file,id=${log},path=${join(logs, `${name}-${log}.log`)}`],
          ...["-device", `virtserialport,chardev=${log},name=${log}`],
        ]),
      ],
    });
    const tree = await CgroupTree.find(CLUSTER_PREFIX);
    const place = new Place(netnsPath("lan"), await tree.make(name));
    const qemu = await Process.start({
      // All that this machine does has to wait for it.
      command: place.command(["nice", "-n", "-10", ...command]),
      logFile: join(logs, `${name}-console.log`),
    });
    return new MachineNode(name, nodeAddress(index), qemu);
  }

  private constructor(name: string, address: string, qemu: Process) {
    this.name = name;
    this.address = address;
    this.#qemu = qemu;
  }

  /** Like the free function, but ends at once when the machine does. Errors carry the end of its console. */
  waitUntil<T>(condition: () => T | Promise<T>, options: WaitOptions) {
    return this.#qemu.waitUntil(condition, options);
  }

  useShell(shell: MachineShell): void {
    this.#shell = shell;
  }

  /** See `MachineShell`. */
  start(argv: readonly string[], options: ProgramOptions = {}): Program {
    return this.#requireShell().start(argv, options);
  }

  /** Runs a program to its end and gives what it printed. Throws, with standard error, unless it exits with 0. */
  mustRun(argv: readonly string[]): Promise<string> {
    return this.#requireShell().mustRun(argv);
  }

  /** Pulls the plug. */
  async kill(): Promise<void> {
    await this.#qemu.kill();
  }

  #requireShell(): MachineShell {
    if (this.#shell === undefined) throw new Error(`Cannot run a program on ${this.name}: it has no shell yet`);
    return this.#shell;
  }
}

function writeFiles(name: string, directory: string, options: MachineNodeOptions): void {
  const { index, api, podCidrs, pauseImage } = options;
  const cniConfiguration = join(directory, "cni");
  const caFile = join(directory, "ca.crt");
  const proxyKubeconfig = join(directory, "proxy.kubeconfig");
  mkdirSync(directory, { recursive: true });
  copyFileSync(api.caFile, caFile);
  const copyKubeconfig = (commonName: string, organization: string, to: string) =>
    copyFileSync(api.certificateKubeconfig({ commonName, organization }), to);
  copyKubeconfig(`system:node:${name}`, "system:nodes", join(directory, "kubelet.kubeconfig"));
  copyKubeconfig("system:kube-proxy", "system:node-proxier", proxyKubeconfig);
  writeNodeFiles(directory, {
    name,
    address: nodeAddress(index),
    proxy: "ipvs",
    proxyKubeconfig,
    caFile,
    runc: join(PROGRAMS, "bin/runc"),
    cniPlugins: join(PROGRAMS, "cni"),
    cniConfiguration,
    pauseImage,
    cgroupRoot: "/",
    mayProtect: true,
    emulated: true,
  });
  writeCniConfiguration(cniConfiguration, podCidrs.get(name) as string, 1500);
  const routes = [...podCidrs].flatMap(([node, cidr]) =>
    node === name ? [] : [`route add ${cidr} via ${nodeAddress(Number(node.slice(1)))}\n`],
  );
  writeFileSync(join(directory, "routes"), routes.join(""));
  const environment = { NAME: name, ADDRESS: nodeAddress(index), GATEWAY: HOST_ADDRESS };
  const lines = Object.entries(environment).map(([variable, value]) => `${variable}=${value}\n`);
  writeFileSync(join(directory, "node.env"), lines.join(""));
}
