import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Process } from "../rig/process.ts";
import type { BootFiles } from "./boot-files.ts";
import { runTool } from "./run-tool.ts";

const RESULTS_BYTES = 256 << 20;
const UP = /^weir-guest: (\S+) is up\r?$/m;
const ENDED = /^weir-guest: ended with (\d+)\r?$/m;
/**
 * What an emulated CPU is slow at: asking an emulated timer for the time (both CPUs have one thread's clock, but the kernel cannot
 * know), the detours around a real CPU's leaks, and page tables of five levels.
 */
const FASTER = "tsc=reliable mitigations=off no5lvl";
const PANIC = /Kernel panic - not syncing: .*?(?=\r?$)/m;

export interface GuestOptions {
  readonly boot: BootFiles;
  /** Added to the kernel's command line. */
  readonly parameters: readonly string[];
  /** Disk images by the name under which the guest looks for them. They are not changed. */
  readonly disks: Readonly<Record<"root" | "project" | "dependencies", string>>;
  /** Replaced, once the guest is off, by `serial.log` and what the guest left in its results directory. */
  readonly directory: string;
  /** The guest is killed when it has not ended by then. */
  readonly timeoutMs: number;
}

/** What became of a guest. */
export interface GuestRun {
  /** The kernel's version, where it came up. */
  readonly version: string | undefined;
  /** The command's; undefined where the guest did not get to its end. */
  readonly exitCode: number | undefined;
  /** Why the guest did not get to its end. */
  readonly failure: string | undefined;
  /** From power on to the start of the command. */
  readonly bootSeconds: number | undefined;
  readonly totalSeconds: number;
}

/** Boots a kernel, waits until the guest has run its command and is off. Rejects only where QEMU cannot be started. */
export async function runGuest(options: GuestOptions): Promise<GuestRun> {
  const { timeoutMs } = options;
  // Another run of the same kernel may be under way; the last to end stays.
  const results = dirname(options.directory);
  const directory = join(results, `.running-${process.pid}-${basename(options.directory)}`);
  mkdirSync(directory, { recursive: true });
  removeLeftovers(results);
  const disk = join(directory, "results.img");
  writeFileSync(disk, "");
  truncateSync(disk, RESULTS_BYTES);

  const startMs = performance.now();
  const serial = join(directory, "serial.log");
  const qemu = await Process.start({
    command: ["qemu-system-x86_64", ...qemuArguments(options, disk)],
    logFile: serial,
  });
  const deadline = setTimeout(() => void qemu.kill(), timeoutMs);
  let bootSeconds: number | undefined;
  const up = qemu
    .waitUntil(() => UP.test(qemu.log()), { what: "the guest to boot", deadlineMs: timeoutMs, intervalMs: 200 })
    .then(
      () => {
        bootSeconds = (performance.now() - startMs) / 1000;
      },
      // It ended before; the log tells why.
      () => {},
    );
  const { code, signal } = await qemu.exited;
  clearTimeout(deadline);
  await up;
  const totalSeconds = (performance.now() - startMs) / 1000;

  const log = readFileSync(serial, "utf8");
  const version = UP.exec(log)?.[1];
  const ended = ENDED.exec(log)?.[1];
  if (ended !== undefined) await runTool("tar", ["-C", directory, "--no-overwrite-dir", "-xf", disk]);
  rmSync(disk);
  rmSync(options.directory, { recursive: true, force: true });
  renameSync(directory, options.directory);
  const exitCode = ended === undefined ? undefined : Number(ended);
  const how = signal === "SIGKILL" ? `killed after ${timeoutMs / 1000} s` : `QEMU ended with ${signal ?? code}`;
  const last = log.trimEnd().split("\n").at(-1)?.trim();
  const failure =
    exitCode === undefined
      ? `${PANIC.exec(log)?.[0] ?? `${how}, its last line was "${last}"`}; see ${join(options.directory, "serial.log")}`
      : undefined;
  return { version, exitCode, failure, bootSeconds, totalSeconds };
}

/** What runs left behind that were killed. */
function removeLeftovers(results: string): void {
  for (const name of readdirSync(results)) {
    const pid = /^\.running-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(results, name), { recursive: true });
  }
}

/** Lines in which the kernel complained of itself. */
export function kernelComplaints(directory: string): readonly string[] {
  const log = join(directory, "dmesg.log");
  if (!existsSync(log)) return [];
  const complaint = /WARNING: |BUG: |Oops: |refcount_t: |soft lockup|self-detected stall|detected stalls/;
  return readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => complaint.test(line));
}

function qemuArguments({ boot, parameters, disks }: GuestOptions, results: string): string[] {
  const drive = (name: string, file: string, snapshot: "on" | "off") => [
    ...["-drive", `if=none,id=${name},format=raw,snapshot=${snapshot},cache=unsafe,file=${file}`],
    ...["-device", `virtio-blk-pci,drive=${name},serial=${name}`],
  ];
  return [
    // Without KVM: it is not to be had on most machines that are virtual themselves. Both CPUs take turns in one thread:
    // in threads of their own, one may run code that the other has just patched, and the kernel patches itself a lot.
    ...["-machine", "q35", "-accel", "tcg,thread=single"],
    // QEMU 7.2 corrupts flags when it emulates cmpxchg16b, and kernels that use it panic at random.
    ...["-cpu", "max,cx16=off", "-smp", "2", "-m", "2G"],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...["-kernel", boot.vmlinuz, "-initrd", boot.initrd],
    ...["-append", ["console=ttyS0 quiet oops=panic panic=-1", FASTER, ...parameters].join(" ")],
    ...Object.entries(disks).flatMap(([name, file]) => drive(name, file, "on")),
    ...drive("results", results, "off"),
  ];
}
