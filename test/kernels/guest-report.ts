import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestRecord } from "./guest/record-tests.ts";
import { type GuestRun, kernelComplaints } from "./guest.ts";

/** One BPF program on one kernel, as the addon reports it. */
export interface ProgramRecord {
  readonly name: string;
  readonly hook: string;
  readonly state: "attached" | "loaded" | "failed";
  /** For a failure: what failed, and the verifier's last lines. */
  readonly detail: string;
}

const COUNTING = /\/test\/kernel\/(traffic-suite|ipvs\.test)\.ts$/;

/** What a guest's run says about its kernel. */
export interface GuestReport extends GuestRun {
  readonly release: string;
  readonly programs: readonly ProgramRecord[];
  readonly tests: readonly TestRecord[];
  /** Lines in which the kernel complained of itself. */
  readonly complaints: readonly string[];
  /** Tests that passed; where the command runs no tests, 1 if it succeeded. */
  readonly passed: number;
  /** Tests that failed; at least 1 where the guest or its command did. */
  readonly failed: number;
  readonly skipped: number;
}

/** Reads what the guest left in `directory`: `tests.jsonl` (TestRecord) and `capabilities.json` (ProgramRecord[]), if they are there. */
export function reportGuest(release: string, run: GuestRun, directory: string): GuestReport {
  const ranTests = existsSync(join(directory, "tests.jsonl"));
  const tests = read(join(directory, "tests.jsonl"))
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TestRecord);
  const count = (outcome: TestRecord["outcome"]) => tests.filter((test) => test.outcome === outcome).length;
  // A test command that found no test has shown nothing.
  const succeeded = run.exitCode === 0 && !(ranTests && tests.length === 0);
  return {
    ...run,
    release,
    programs: JSON.parse(read(join(directory, "capabilities.json")) || "[]") as ProgramRecord[],
    tests,
    complaints: kernelComplaints(directory),
    passed: !ranTests && succeeded ? 1 : count("passed"),
    failed: Math.max(count("failed"), succeeded ? 0 : 1),
    skipped: count("skipped"),
  };
}

/** What is to be said about one guest once it is off. */
export function describeGuest(report: GuestReport): string {
  const lines: string[] = [];
  const say = (line: string) => lines.push(`${report.release.padEnd(5)} ${line}`);
  const boot = report.bootSeconds === undefined ? "never came up" : `up after ${report.bootSeconds.toFixed(1)} s`;
  say(`${report.version ?? "kernel"} ${boot}, off after ${report.totalSeconds.toFixed(1)} s`);
  if (report.failure !== undefined) say(`  GUEST LOST: ${report.failure}`);
  for (const { name, hook, state, detail } of report.programs) {
    say(`  ${state.padEnd(8)} ${name} (${hook})`);
    for (const line of detail.split("\n").filter(Boolean)) say(`           ${line}`);
  }
  for (const { name, outcome, reason } of report.tests) {
    if (outcome !== "passed")
      say(`  ${outcome === "failed" ? "FAILED" : "skipped"} ${name}: ${reason ?? "no reason given"}`);
  }
  for (const line of report.complaints) say(`  kernel: ${line}`);
  if (report.exitCode !== undefined && report.exitCode !== 0) say(`  the command ended with ${report.exitCode}`);
  if (report.exitCode === 0 && report.failed > 0 && report.tests.length === 0) say("  the command ran no tests");
  say(`  ${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`);
  return lines.join("\n");
}

/** A line per kernel. */
export function tabulate(reports: readonly GuestReport[]): string {
  const rows = reports.map((report) => {
    return [
      report.version ?? report.release,
      report.bootSeconds === undefined ? "-" : `${report.bootSeconds.toFixed(1)} s`,
      `${report.totalSeconds.toFixed(1)} s`,
      describePrograms(report.programs),
      describeCounts(report.tests),
      `${report.passed}`,
      `${report.failed}`,
      `${report.skipped}`,
    ];
  });
  const table = [["kernel", "boot", "total", "programs", "counts", "passed", "failed", "skipped"], ...rows];
  const widths = (table[0] as string[]).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function describePrograms(programs: readonly ProgramRecord[]): string {
  if (programs.length === 0) return "-";
  const missing = programs.filter(({ state }) => state === "failed").map(({ name }) => name);
  const running = `${programs.length - missing.length} of ${programs.length}`;
  return missing.length === 0 ? running : `${running}, not ${missing.join(", ")}`;
}

/** Whether the agent counted what the traffic was, by the tests that compare both. */
function describeCounts(tests: readonly TestRecord[]): string {
  const counting = tests.filter(({ file, outcome }) => COUNTING.test(file ?? "") && outcome !== "skipped");
  if (counting.length === 0) return "-";
  return counting.every(({ outcome }) => outcome === "passed") ? "exact" : "WRONG";
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
