import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { Process } from "../rig/process.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { waitUntil } from "../rig/wait-until.ts";
import type { PodTemplate } from "./pod-template.ts";

/** The OCI runtime's configuration, as far as it is changed here. */
export interface RuntimeConfig {
  readonly root: { path: string };
  readonly process: { args: string[]; env: string[]; user: { uid: number; gid: number; additionalGids?: number[] } };
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
  readonly linux: {
    namespaces: { readonly type: string }[];
    cgroupsPath: string;
    readonly resources: { memory?: { limit: number } };
    readonly seccomp: { readonly defaultAction: string };
  };
}

export interface Snapshot {
  readonly id: string;
  readonly config: RuntimeConfig;
  /** The shell command that mounts the root file system at a path. */
  mountAt(path: string): Promise<string>;
}

/** What containerd gives every container; a pod's `drop: [ALL]` takes these away. */
const DEFAULT_CAPABILITIES = [
  ...["CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP"],
  ...["NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"],
];

/** A containerd of its own, with all its files below one directory. It unpacks images and knows the default seccomp profile. */
export class Runtime {
  readonly #directory = new ScratchDirectory();
  #process: Process | undefined;
  #containers = 0;

  static async start(): Promise<Runtime> {
    const runtime = new Runtime();
    const { path } = runtime.#directory;
    const config = [
      "version = 2",
      `root = "${path}/root"`,
      `state = "${path}/state"`,
      // Of no use here, and some complain where the kernel lacks what they need.
      'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
      `[grpc]\n  address = "${path}/socket"`,
      `[ttrpc]\n  address = "${path}/socket.ttrpc"`,
    ];
    writeFileSync(runtime.#directory.file("config.toml"), config.join("\n"));
    const command = ["containerd", "--config", runtime.#directory.file("config.toml")] as const;
    runtime.#process = await Process.start({ command, logFile: runtime.#directory.file("log") });
    const answers = async () => (await runtime.#ctr("version")) !== "";
    await runtime.#process.waitUntil(answers, { what: "containerd", deadlineMs: 30_000 });
    return runtime;
  }

  /** Ends containerd. The containers' files go, too: stop them first. */
  async stop(): Promise<void> {
    await this.#process?.stop();
    const remove = () => {
      this.#directory.remove();
      return true;
    };
    // runc deletes a container that was killed a moment after the container's end
    await waitUntil(remove, { what: "the containers to let go of their files" });
  }

  async import(archive: string): Promise<void> {
    await this.#ctr("images", "import", archive);
  }

  /** What containerd makes of an image and of the rights that a pod template gives; nothing runs yet. */
  async prepare({ container, hostNetwork, seccompProfile }: PodTemplate): Promise<Snapshot> {
    const id = `weir-${process.pid}-${++this.#containers}`;
    if (seccompProfile.type !== "RuntimeDefault" || container.capabilities.drop.join() !== "ALL") {
      throw new Error("Cannot prepare a container: needs seccompProfile RuntimeDefault and drop [ALL]");
    }
    await this.#ctr(
      ...["containers", "create", "--seccomp"],
      ...(hostNetwork ? ["--net-host"] : []),
      ...(container.readOnlyRootFilesystem ? ["--read-only"] : []),
      ...(container.allowPrivilegeEscalation ? ["--allow-new-privs"] : []),
      ...DEFAULT_CAPABILITIES.flatMap((name) => ["--cap-drop", `CAP_${name}`]),
      ...container.capabilities.add.flatMap((name) => ["--cap-add", `CAP_${name}`]),
      ...[container.image, id],
    );
    const { Spec: config } = JSON.parse(await this.#ctr("containers", "info", id)) as { Spec: RuntimeConfig };
    const mountAt = (path: string) => this.#ctr("snapshots", "mounts", path, id);
    return { id, config, mountAt };
  }

  /** A directory for a container's files. */
  directory(id: string): string {
    const path = this.#directory.file(id);
    mkdirSync(`${path}/rootfs`, { recursive: true });
    return path;
  }

  async #ctr(...args: readonly string[]): Promise<string> {
    const address = ["--address", this.#directory.file("socket")];
    const { stdout } = await promisify(execFile)("ctr", [...address, ...args], { maxBuffer: 16 << 20 });
    return stdout;
  }
}
