import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DebianSuite } from "./debian-suite.ts";
import { cached, keyOf } from "./kernel-cache.ts";
import type { KernelRelease } from "./kernel-release.ts";
import { BOOT_MODULES, ModuleTree } from "./module-tree.ts";
import { runTool } from "./run-tool.ts";

const INITRD_INIT = join(import.meta.dirname, "guest/initrd.sh");
const BUSYBOX = "/bin/busybox";
const APPLETS = ["sh", "mount", "umount", "insmod", "switch_root", "cat", "cp", "echo", "mkdir"];

/** What QEMU needs to boot a kernel. */
export interface BootFiles {
  readonly vmlinuz: string;
  /** Finds the disks, and brings the kernel's modules to the root file system. */
  readonly initrd: string;
}

/** Downloads the kernel where it is not in the cache. */
export async function bootFiles(kernel: KernelRelease): Promise<BootFiles> {
  const packages = await cached(`packages-${kernel.release}`, keyOf(kernel.suite, kernel.packages.join()), (path) =>
    download(kernel, path),
  );
  const recipes = ["boot-files.ts", "module-tree.ts"].map((file) => readFileSync(join(import.meta.dirname, file)));
  const key = keyOf(readdirSync(packages).join(), readFileSync(INITRD_INIT), ...recipes);
  const directory = await cached(`linux-${kernel.release}`, key, (path) => make(packages, path));
  return { vmlinuz: join(directory, "vmlinuz"), initrd: join(directory, "initrd") };
}

/** Kept apart from what is made of them: the suite may have moved on when that is made anew. */
async function download(kernel: KernelRelease, directory: string): Promise<void> {
  mkdirSync(directory);
  const apt = join(directory, "apt");
  const suite = await DebianSuite.open(kernel.suite, apt);
  const packages = await Promise.all(kernel.packages.map((pattern) => suite.newest(pattern)));
  console.log(`${kernel.release.padEnd(5)} downloading ${packages.join(" ")} from Debian ${kernel.suite}`);
  await suite.download(packages, directory);
  rmSync(apt, { recursive: true });
}

async function make(packages: string, directory: string): Promise<void> {
  const unpacked = join(directory, "unpacked");
  mkdirSync(unpacked, { recursive: true });
  for (const file of readdirSync(packages)) await runTool("dpkg-deb", ["-x", join(packages, file), unpacked]);
  const modules = await ModuleTree.open(unpacked);
  copyFileSync(modules.vmlinuz, join(directory, "vmlinuz"));
  const root = join(directory, "root");
  for (const name of ["bin", "root", "proc", "sys", "dev"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  for (const name of APPLETS) symlinkSync("busybox", join(root, "bin", name));
  await modules.copyTo(root);
  const order = new Set(BOOT_MODULES.flatMap((name) => modules.loadOrder(name)));
  writeFileSync(join(root, "boot-modules"), [...order].join("\n"));
  copyFileSync(INITRD_INIT, join(root, "init"));
  chmodSync(join(root, "init"), 0o755);
  // Uncompressed: the emulated CPU would take longer to unpack it than the disk to read it.
  await runTool("sh", [
    "-c",
    `cd "$1" && find . | ${BUSYBOX} cpio -o -H newc >"$2"`,
    "sh",
    root,
    join(directory, "initrd"),
  ]);
  for (const name of ["unpacked", "root"]) rmSync(join(directory, name), { recursive: true });
}
