import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import type { GuestRun } from "./guest.ts";
import { describeGuest, reportGuest, tabulate } from "./guest-report.ts";
import { selectReleases } from "./kernel-release.ts";

const RUN: GuestRun = {
  version: "6.1.0-50-cloud-amd64",
  exitCode: 0,
  failure: undefined,
  bootSeconds: 11,
  totalSeconds: 42,
};

function report(run: Partial<GuestRun>, files: Record<string, string>) {
  const directory = new ScratchDirectory();
  for (const [name, text] of Object.entries(files)) writeFileSync(directory.file(name), text);
  const result = reportGuest("6.1", { ...RUN, ...run }, directory.path);
  directory.remove();
  return result;
}

const outcomes = (...names: string[]) =>
  names.map((outcome) => `${JSON.stringify({ name: "t", outcome, durationMs: 1 })}\n`).join("");

test("reportGuest() counts tests by outcome", () => {
  const tests = outcomes("passed", "passed", "failed", "skipped");
  const { passed, failed, skipped } = report({ exitCode: 1 }, { "tests.jsonl": tests });
  assert.deepEqual({ passed, failed, skipped }, { passed: 2, failed: 1, skipped: 1 });
});

test("reportGuest() counts a guest that was lost as a failure", () => {
  const lost = report({ exitCode: undefined, failure: "Kernel panic - not syncing: test" }, {});
  assert.deepEqual([lost.passed, lost.failed], [0, 1]);
  assert.match(describeGuest(lost), /GUEST LOST: Kernel panic - not syncing: test/);
});

test("reportGuest() counts a test command that ran no tests as a failure", () => {
  const empty = report({}, { "tests.jsonl": "" });
  assert.deepEqual([empty.passed, empty.failed], [0, 1]);
  assert.match(describeGuest(empty), /the command ran no tests/);
});

test("reportGuest() counts a command that fails although its tests passed as a failure", () => {
  const crashed = report({ exitCode: 139 }, { "tests.jsonl": outcomes("passed") });
  assert.deepEqual([crashed.passed, crashed.failed], [1, 1]);
});

test("reportGuest() counts a command without tests by its exit code", () => {
  assert.deepEqual([report({}, {}).passed, report({}, {}).failed], [1, 0]);
  assert.deepEqual([report({ exitCode: 3 }, {}).passed, report({ exitCode: 3 }, {}).failed], [0, 1]);
});

test("describeGuest() says why a program does not load, and in what the kernel complained", () => {
  const programs = [{ name: "tcp_state", hook: "tp_btf/x", state: "failed", detail: "load: EACCES\nR1 is bad" }];
  const text = describeGuest(
    report({}, { "capabilities.json": JSON.stringify(programs), "dmesg.log": "fine\n[1.0] WARNING: CPU: 0 at x\n" }),
  );
  assert.match(
    text,
    /failed {3}tcp_state \(tp_btf\/x\)\n.*load: EACCES\n.*R1 is bad\n.*kernel: \[1\.0\] WARNING: CPU: 0 at x/,
  );
});

test("tabulate() says which programs are missing, and whether the tests of traffic found exact counts", () => {
  const programs = [
    { name: "tcp_state", hook: "tp_btf/x", state: "attached", detail: "" },
    { name: "tcp_error", hook: "tp_btf/y", state: "failed", detail: "no such hook" },
  ];
  const traffic = (outcome: string) =>
    `${JSON.stringify({ name: "t", file: "/weir/test/kernel/traffic-suite.ts", outcome, durationMs: 1 })}\n`;
  const row = (tests: string) => {
    const files = { "tests.jsonl": tests, "capabilities.json": JSON.stringify(programs) };
    return tabulate([report({}, files)]).split("\n")[1];
  };
  assert.match(row(traffic("passed")) ?? "", / 1 of 2, not tcp_error +exact +1 +0 +0$/);
  assert.match(row(traffic("passed") + traffic("failed")) ?? "", / WRONG +1 +1 +0$/);
  assert.match(row(outcomes("passed")) ?? "", / - +1 +0 +0$/);
});

test("selectReleases() keeps the order of the matrix and names what it does not know", () => {
  assert.deepEqual(
    selectReleases(["7.2", "5.10"]).map(({ release }) => release),
    ["5.10", "7.2"],
  );
  assert.throws(() => selectReleases(["4.19"]), /Cannot run kernel "4\.19": use one of 5\.10, 6\.1, 6\.12, 7\.2/);
});
