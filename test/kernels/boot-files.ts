import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
  const recipes = ["boot-files.ts", "module-tree.ts"].map((file) => readFileSync(join(import.meta.dirname, file)));
  const key = keyOf(kernel.packages.join(), readFileSync(INITRD_INIT), ...recipes);
  const directory = await cached(`linux-${kernel.release}`, key, (path) => make(kernel, path));
  return { vmlinuz: join(directory, "vmlinuz"), initrd: join(directory, "initrd") };
}

async function make(kernel: KernelRelease, directory: string): Promise<void> {
  const unpacked = join(directory, "unpacked");
  mkdirSync(unpacked, { recursive: true });
  const suite = await DebianSuite.open(kernel.suite, join(directory, "apt"));
  const packages = await Promise.all(kernel.packages.map((pattern) => suite.newest(pattern)));
  console.log(`${kernel.release.padEnd(5)} downloading ${packages.join(" ")} from Debian ${kernel.suite}`);
  await suite.unpack(packages, unpacked);

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
  for (const name of ["apt", "unpacked", "root"]) rmSync(join(directory, name), { recursive: true });
}
