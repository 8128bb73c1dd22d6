import type { BootFiles } from "./boot-files.ts";

export interface GuestDisk {
  /** Path of an ext4 image. What a guest writes to it is gone with the guest. */
  readonly image: string;
  /** Where the guest has it. */
  readonly mountPoint: string;
}

export interface QemuOptions {
  readonly boot: BootFiles;
  /** Added to the kernel's command line. */
  readonly parameters: readonly string[];
  /** By names of up to 20 letters; mounted in this order, so that at `/` comes first. */
  readonly disks: Readonly<Record<string, GuestDisk>>;
  /** The shell script that the guest runs as its first program, by its path there. */
  readonly init: string;
  /** Two by default, and more are no faster: they take turns. */
  readonly cpus?: number;
  /** Arguments for what else this machine has. */
  readonly devices: readonly string[];
}

/**
 * What an emulated CPU is slow at: asking an emulated timer for the time (both CPUs have one thread's clock, but the kernel cannot
 * know), or checking at the start that it ticks, the detours around a real CPU's leaks, and page tables of five levels.
 */
const FASTER = "tsc=reliable no_timer_check mitigations=off no5lvl";

/** The command of a virtual machine of 2 GiB. Its console is standard output; where its kernel panics, it ends. */
export function qemuCommand({ boot, parameters, disks, init, cpus = 2, devices }: QemuOptions): [string, ...string[]] {
  const mounts = Object.entries(disks).map(([name, { mountPoint }]) => `weir.disk=${name}:${mountPoint}`);
  return [
    "qemu-system-x86_64",
    // Without KVM: it is not to be had on most machines that are virtual themselves. CPUs take turns in one thread:
    // in threads of their own, one may run code that the other has just patched, and the kernel patches itself a lot.
    ...["-machine", "q35", "-accel", "tcg,thread=single"],
    // QEMU 7.2 corrupts flags when it emulates cmpxchg16b, and kernels that use it panic at random.
    ...["-cpu", "max,cx16=off", "-smp", `${cpus}`, "-m", "2G"],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...["-kernel", boot.vmlinuz, "-initrd", boot.initrd],
    ...[
      "-append",
      ["console=ttyS0 quiet oops=panic panic=-1", FASTER, ...mounts, `weir.init=${init}`, ...parameters].join(" "),
    ],
    ...Object.entries(disks).flatMap(([name, { image }]) => diskArguments(name, image, "on")),
    ...devices,
  ];
}

/** A disk; with `snapshot` off, what the guest writes stays. */
export function diskArguments(name: string, image: string, snapshot: "on" | "off"): string[] {
  return [
    ...["-drive", `if=none,id=${name},format=raw,snapshot=${snapshot},cache=unsafe,file=${image}`],
    ...["-device", `virtio-blk-pci,drive=${name},serial=${name}`],
  ];
}
