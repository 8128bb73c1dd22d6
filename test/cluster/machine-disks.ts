import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { makeExt4Image } from "../kernels/ext4-image.ts";
import { cached, keyOf } from "../kernels/kernel-cache.ts";
import { runTool } from "../kernels/run-tool.ts";
import { Process } from "../rig/process.ts";
import { toolDirectory } from "../rig/tools.ts";
import type { ContainerRuntime } from "./container-runtime.ts";
import type { Image } from "./images.ts";

/** Where a virtual machine has the programs of a node: `bin` and `cni`. */
export const PROGRAMS = "/opt/node";
const FREE_BYTES = 16 << 20;
/** For what containers write. */
const IMAGES_FREE_BYTES = 512 << 20;
const TOOLS = ["kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr"];
const GUEST = join(import.meta.dirname, "guest");
const KERNELS_GUEST = join(import.meta.dirname, "../kernels/guest");

/** A disk with the programs that every node runs, the same for all clusters of this machine. */
export async function programsDisk(runtime: ContainerRuntime): Promise<string> {
  const tools = await toolDirectory("kubelet", "containerd");
  // The links name the builds.
  const builds = TOOLS.map((name) => readlinkSync(join(tools, name)));
  const key = keyOf(readFileSync(import.meta.filename), runtime.runc, ...builds);
  return await cached("node-programs", key, async (image) => {
    const root = `${image}.root`;
    mkdirSync(join(root, "bin"), { recursive: true });
    for (const program of [...TOOLS.map((name) => join(tools, name)), runtime.runc]) {
      copyFileSync(program, join(root, "bin", basename(program)));
      chmodSync(join(root, "bin", basename(program)), 0o755);
    }
    cpSync(runtime.cniPlugins, join(root, "cni"), { recursive: true });
    await makeExt4Image(root, image, 0);
    rmSync(root, { recursive: true });
  });
}

/** Makes a disk of a node's `directory`, to which it adds what runs first. */
export async function makeNodeDisk(directory: string, disk: string): Promise<void> {
  copyFileSync(join(GUEST, "init.sh"), join(directory, "init.sh"));
  copyFileSync(join(KERNELS_GUEST, "mounts.sh"), join(directory, "mounts.sh"));
  await makeExt4Image(directory, disk, FREE_BYTES);
}

/**
 * Makes a disk of what containerd keeps, with these images in it: on this host, for an emulated CPU would need a minute. `directory`
 * is for what it works with; logs go to `logFile`.
 */
export async function makeImagesDisk(
  directory: string,
  images: readonly Image[],
  disk: string,
  logFile: string,
): Promise<void> {
  mkdirSync(directory);
  const [root, socket] = [join(directory, "root"), join(directory, "containerd.sock")];
  const config = join(directory, "containerd.toml");
  writeFileSync(
    config,
    `version = 3
root = "${root}"
state = "${directory}/state"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
`,
  );
  const tools = await toolDirectory("containerd");
  const containerd = await Process.start({ command: [join(tools, "containerd"), "--config", config], logFile });
  try {
    const ctr = (...args: string[]) => runTool(join(tools, "ctr"), ["-a", socket, "-n", "k8s.io", ...args]);
    await containerd.waitUntil(() => ctr("version"), { what: "containerd", deadlineMs: 60_000, intervalMs: 200 });
    for (const { archive } of images) await ctr("images", "import", "--local", archive);
  } finally {
    await containerd.stop();
  }
  await makeExt4Image(root, disk, IMAGES_FREE_BYTES);
  rmSync(directory, { recursive: true });
}
