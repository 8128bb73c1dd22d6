import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProgramReport } from "../kernel/addon.ts";
import { checkCapabilities } from "./capability-checks.ts";
import { complaint, type Finding, ok, type Verdict } from "./finding.ts";
import { checkKernel, checkMounts, type HostPaths } from "./host-checks.ts";
import { showable } from "./terminal-text.ts";

/** What an API server answered. */
export interface ApiReport {
  readonly reachable: boolean;
  /** The server's address and version, or why there is none. */
  readonly detail: string;
  /** What may not be listed or watched, such as `services`. */
  readonly forbidden: readonly string[];
}

export interface DoctorOptions {
  readonly host: HostPaths;
  /** Loads every program and unloads it again; throws where the addon itself cannot be loaded. */
  readonly programs: () => Promise<readonly ProgramReport[]>;
  /** Asks the API server; undefined where none is configured or found. */
  readonly api: (() => Promise<ApiReport>) | undefined;
}

/** Looks at everything that Weir needs of its host. Never throws: what cannot be looked at is a finding, too. */
export async function examine({ host, programs, api }: DoctorOptions): Promise<Finding[]> {
  return [
    ...checkKernel(host),
    ...checkMounts(host),
    ...checkCapabilities(host.proc, kernelRelease(host.proc), api !== undefined),
    ...(await checkPrograms(programs)),
    ...(await checkApi(api)),
  ];
}

/** The findings as lines for a terminal or a file, with a summary; every complaint is followed by what to do. */
export function doctorText(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ subject }) => subject.length));
  const lines: string[] = [];
  let section = "";
  for (const finding of findings) {
    if (finding.section !== section) {
      section = finding.section;
      if (lines.length > 0) lines.push("");
      lines.push(section);
    }
    // A verifier's log has many lines; each is shown below the first, as text that a terminal cannot act on.
    const [found = "", ...more] = finding.found.split("\n").map(showable);
    lines.push(`  ${finding.verdict.padEnd(4)}  ${showable(finding.subject).padEnd(width)}  ${found}`.trimEnd());
    lines.push(...more.map((line) => `        ${line}`));
    if (finding.remedy !== "") lines.push(`        -> ${showable(finding.remedy)}`);
  }
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  lines.push("", `${count("ok")} ok, ${count("warn")} to note, ${count("fail")} failed`);
  return `${lines.join("\n")}\n`;
}

/** Whether Weir can do its main job with these findings: `weir doctor` exits 1 where it cannot. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== "fail");
}

async function checkPrograms(programs: () => Promise<readonly ProgramReport[]>): Promise<Finding[]> {
  const section = "Programs";
  let reports: readonly ProgramReport[];
  try {
    reports = await programs();
  } catch (error) {
    const remedy = "Build it with npm run build; if it is built, the first failure above says what it lacks.";
    return [complaint("fail", section, "addon", (error as Error).message, remedy)];
  }
  return [
    ok(section, "addon", "loaded"),
    ...reports.map(({ name, hook, state, detail }) =>
      state === "failed"
        ? complaint(
            "warn",
            section,
            name,
            `${hook}: ${detail || "no reason given"}`,
            "What this program feeds is missing; the rest works.",
          )
        : ok(section, name, `${state}: ${hook}`),
    ),
    ...(reports.some(({ state }) => state !== "failed")
      ? []
      : [complaint("fail", section, "all programs", "none could be loaded", "See the failures above.")]),
  ];
}

async function checkApi(api: (() => Promise<ApiReport>) | undefined): Promise<Finding[]> {
  const section = "Kubernetes";
  if (api === undefined) return [ok(section, "API server", "none configured or found: names come from this host")];
  let report: ApiReport;
  try {
    report = await api();
  } catch (error) {
    report = { reachable: false, detail: (error as Error).message, forbidden: [] };
  }
  const { reachable, detail, forbidden } = report;
  if (!reachable) {
    const remedy = "Check the address and credentials (kubernetes.kubeconfig), or set kubernetes.enabled to false.";
    return [complaint("warn", section, "API server", detail, remedy)];
  }
  return [
    ok(section, "API server", detail),
    ...forbidden.map((resource) =>
      complaint(
        "warn",
        section,
        resource,
        "forbidden",
        `Allow get, list and watch on ${resource} for Weir's service account.`,
      ),
    ),
  ];
}

function kernelRelease(proc: string): string {
  try {
    return readFileSync(join(proc, "sys/kernel/osrelease"), "utf8").trim();
  } catch {
    // Said by checkKernel(); a recent kernel is the better guess.
    return "6.0";
  }
}
