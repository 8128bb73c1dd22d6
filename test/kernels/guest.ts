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
import { diskArguments, qemuCommand } from "./qemu.ts";
import { runTool } from "./run-tool.ts";

const RESULTS_BYTES = 256 << 20;
const UP = /^weir-guest: (\S+) is up\r?$/m;
/** The kernel's own last words may come before the line's end. */
const ENDED = /^weir-guest: ended with (\d+)(?=\r?$|\[)/m;
/** Where the guest's part of this folder is in there, by the project's disk. */
const INIT = "/weir/test/kernels/guest/init.sh";
const PANIC = /Kernel panic - not syncing: .*?(?=\r?$)/m;

export interface GuestOptions {
  readonly boot: BootFiles;
  /** Added to the kernel's command line. */
  readonly parameters: readonly string[];
  /** Disk images. They are not changed. */
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
  const { boot, parameters, disks } = options;
  const command = qemuCommand({
    boot,
    parameters,
    disks: {
      root: { image: disks.root, mountPoint: "/" },
      project: { image: disks.project, mountPoint: "/weir" },
      dependencies: { image: disks.dependencies, mountPoint: "/weir/node_modules" },
    },
    init: INIT,
    devices: diskArguments("results", disk, "off"),
  });
  const qemu = await Process.start({ command, logFile: serial });
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
