import { readFileSync } from "node:fs";
import { join } from "node:path";
import { complaint, type Finding, ok } from "./finding.ts";

interface Capability {
  readonly name: string;
  /** Number in linux/capability.h. */
  readonly bit: number;
  /** What is lost without it, after "Add it, or". Empty: Weir does not run without. */
  readonly otherwise: string;
}

const SYS_ADMIN_BIT = 21n;

/** Why each is needed stands in SECURITY.md. */
const CAPABILITIES: readonly Capability[] = [
  { name: "BPF", bit: 39, otherwise: "" },
  { name: "PERFMON", bit: 38, otherwise: "" },
  { name: "NET_ADMIN", bit: 12, otherwise: "backends of Services on other nodes are not named." },
];

/** The API server tells the addresses of pods; without one, they are read from processes' network namespaces. */
const SYS_PTRACE: Capability = {
  name: "SYS_PTRACE",
  bit: 19,
  otherwise: "containers' addresses are known only once they have connected.",
};

const SYS_RESOURCE: Capability = {
  name: "SYS_RESOURCE",
  bit: 24,
  otherwise: "maps may not fit into the locked-memory limit.",
};

/** The effective capabilities of this process, read from `PROC/self/status`; `cluster`: whether names come from one. */
export function checkCapabilities(proc: string, kernelRelease: string, cluster: boolean): Finding[] {
  const section = "Capabilities";
  let status: string;
  try {
    status = readFileSync(join(proc, "self/status"), "utf8");
  } catch (error) {
    return [
      complaint("warn", section, "effective", `${(error as Error).message}`, "Set host.proc to the host's proc."),
    ];
  }
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const effective = hex === undefined ? 0n : BigInt(`0x${hex}`);
  const has = (bit: number) => ((effective >> BigInt(bit)) & 1n) === 1n;
  const admin = ((effective >> SYS_ADMIN_BIT) & 1n) === 1n;

  const wanted = [
    ...CAPABILITIES,
    ...(cluster ? [] : [SYS_PTRACE]),
    ...(chargesLockedMemory(kernelRelease) ? [SYS_RESOURCE] : []),
  ];
  return wanted.map(({ name, bit, otherwise }) => {
    const subject = `CAP_${name}`;
    if (has(bit)) return ok(section, subject, "effective");
    // Kernels since 5.8 take SYS_ADMIN for both.
    if (admin && (name === "BPF" || name === "PERFMON")) return ok(section, subject, "CAP_SYS_ADMIN stands in for it");
    return otherwise === ""
      ? complaint("fail", section, subject, "missing", `Run as root, or add ${name} to the container's capabilities.`)
      : complaint("warn", section, subject, "missing", `Add it, or ${otherwise}`);
  });
}

/** Before 5.11 BPF maps count as locked memory. */
function chargesLockedMemory(kernelRelease: string): boolean {
  const [major = 0, minor = 0] = kernelRelease.split(/[.-]/).map(Number);
  return major < 5 || (major === 5 && minor < 11);
}
