import { readFileSync } from "node:fs";
import { join } from "node:path";
import { complaint, type Finding, ok } from "./finding.ts";

/** Where the host's file systems are mounted. */
export interface HostPaths {
  readonly proc: string;
  readonly sysfs: string;
}

const KERNEL = "Kernel";
const OLDEST = [5, 10] as const;

/** The kernel's version, its type information, and the switches that can forbid BPF. */
export function checkKernel({ proc, sysfs }: HostPaths): Finding[] {
  return [kernelVersion(proc), ...typeInformation(sysfs), bpfStatistics(proc), ...jit(proc), ...lockdown(sysfs)];
}

/** What Weir's programs are built on, by the name that the kernel's type information has for it. */
const FEATURES = [
  {
    subject: "TCP state tracepoint",
    type: "btf_trace_inet_sock_set_state",
    without: "fail",
    lost: "no connection is seen",
  },
  { subject: "ring buffer", type: "BPF_MAP_TYPE_RINGBUF", without: "fail", lost: "no record leaves the kernel" },
  {
    subject: "map iterator",
    type: "bpf_iter__bpf_map_elem",
    without: "warn",
    lost: "connections are counted only when they close",
  },
  {
    subject: "task file iterator",
    type: "bpf_iter__task_file",
    without: "warn",
    lost: "connections older than the agent are not seen",
  },
] as const;

function kernelVersion(proc: string): Finding {
  const release = read(join(proc, "sys/kernel/osrelease"));
  if (release === undefined) {
    return complaint(
      "warn",
      KERNEL,
      "version",
      `cannot read ${proc}/sys/kernel/osrelease`,
      "Set host.proc to the host's proc.",
    );
  }
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const old = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  return old
    ? complaint(
        "fail",
        KERNEL,
        "version",
        release,
        `Weir needs Linux ${OLDEST.join(".")} or later: upgrade the kernel.`,
      )
    : ok(KERNEL, "version", release);
}

function typeInformation(sysfs: string): Finding[] {
  const path = join(sysfs, "kernel/btf/vmlinux");
  let types: Buffer;
  try {
    types = readFileSync(path);
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    const remedy = absent
      ? "Boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (the stock kernels of Debian 11, Ubuntu 20.10, Fedora 31, RHEL 8.2 and later are)."
      : "Run as root, and check that the file is mounted.";
    return [complaint("fail", KERNEL, "type information", absent ? `no ${path}` : (error as Error).message, remedy)];
  }
  return [
    ok(KERNEL, "type information", `${path}, ${types.length} bytes`),
    ...FEATURES.map(({ subject, type, without, lost }) =>
      // Names in the table of strings end with a zero byte.
      types.includes(`\0${type}\0`)
        ? ok(KERNEL, subject, type)
        : complaint(without, KERNEL, subject, `no ${type}`, `Use a later kernel: without this ${lost}.`),
    ),
  ];
}

function bpfStatistics(proc: string): Finding {
  const value = read(join(proc, "sys/kernel/bpf_stats_enabled"));
  if (value === undefined)
    return ok(KERNEL, "BPF statistics", "not readable here; only bpfStatistics: true needs them");
  return ok(KERNEL, "BPF statistics", value === "0" ? "off; bpfStatistics: true turns them on" : "on");
}

function jit(proc: string): Finding[] {
  const value = read(join(proc, "sys/net/core/bpf_jit_enable"));
  if (value !== "0") return [];
  const remedy = "Set sysctl net.core.bpf_jit_enable=1: interpreted programs cost several times as much.";
  return [complaint("warn", KERNEL, "BPF compiler", "off", remedy)];
}

function lockdown(sysfs: string): Finding[] {
  const value = read(join(sysfs, "kernel/security/lockdown"));
  if (value === undefined || !value.includes("[confidentiality]")) return [];
  const remedy = "Boot with lockdown=integrity: confidentiality forbids BPF programs to read kernel memory.";
  return [complaint("fail", KERNEL, "lockdown", "confidentiality", remedy)];
}

/** What is mounted of what BPF and the discovery of containers use. */
export function checkMounts({ proc }: HostPaths): Finding[] {
  const section = "Mounts";
  // The agent's own view: inside a container that is not the view of the host's first process.
  const mounts = read(join(proc, "self/mounts"));
  if (mounts === undefined) {
    return [
      complaint("warn", section, "mounts", `cannot read ${proc}/self/mounts`, "Set host.proc to the host's proc."),
    ];
  }
  const first = new Map<string, string>();
  for (const line of mounts.split("\n")) {
    const [, place = "", type = ""] = line.split(" ");
    if (!first.has(type)) first.set(type, place);
  }
  const cgroup2 = first.get("cgroup2");
  const hybrid = first.has("cgroup");
  return [
    cgroup2 === undefined
      ? complaint(
          "warn",
          section,
          "cgroup2",
          hybrid ? "only cgroup v1" : "not mounted",
          "Mount it (mount -t cgroup2 none /sys/fs/cgroup), or sockets are told apart by network namespace only.",
        )
      : ok(section, "cgroup2", `${cgroup2}${hybrid ? ", beside cgroup v1" : ""}`),
    ok(section, "bpffs", first.get("bpf") ?? "not mounted; nothing of Weir's is pinned, so none is needed"),
    ok(section, "tracefs", first.get("tracefs") ?? "not mounted; no program of Weir's needs it"),
  ];
}

/** The text of a small file without the space around it; undefined where it cannot be read. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
