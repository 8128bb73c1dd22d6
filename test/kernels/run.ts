import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { bootFiles } from "./boot-files.ts";
import { runGuest } from "./guest.ts";
import { describeGuest, type GuestReport, reportGuest, tabulate } from "./guest-report.ts";
import { type KernelRelease, selectReleases } from "./kernel-release.ts";
import { dependenciesImage, makeProjectImage } from "./project-image.ts";
import { rootImage } from "./root-image.ts";

const USAGE = `Usage: npm run test:kernels -- [KERNEL…] [--command COMMAND] [--timeout SECONDS]

Boots Debian's kernels (all, or those named) in QEMU and runs the kernel tests, or COMMAND, in the project inside.
What a guest leaves in $GUEST_RESULTS_DIR comes back to build/kernels/KERNEL/, with its output and its kernel's log;
build/kernels/results.json sums up. A guest that runs for more than SECONDS (default 1500) is killed.`;

const PROJECT = join(import.meta.dirname, "../..");
const RESULTS = join(PROJECT, "build/kernels");
/** What needs a kernel, and no cluster, which guests do not have. */
const TESTS = [
  "test/kernel/programs.test.ts",
  "test/kernel/idle.test.ts",
  "test/kernel/traffic.test.ts",
  "test/kernel/ipvs.test.ts",
  "test/kernel/conntrack.test.ts",
  "test/kernel/service-backends.test.ts",
  ...globSync("test/native/*.test.ts", { cwd: PROJECT }),
];
/** Of the agent rather than of the kernel, but of IPVS, and long: on Debian 12's kernel only. */
const IPVS_TESTS = ["test/agent/nat-ipvs.test.ts"];
const KERNEL_TESTS = [
  "node --test --test-concurrency=1 --test-reporter=spec --test-reporter-destination=stdout",
  "--test-reporter=./test/kernels/guest/record-tests.ts --test-reporter-destination=/results/tests.jsonl",
  // Of Node's processes and threads rather than of the kernel, and long.
  "--test-skip-pattern='^a process that ' --test-skip-pattern='fifty times'",
  ...TESTS,
  `$(case $(uname -r) in (6.1.*) echo ${IPVS_TESTS.join(" ")};; esac)`,
].join(" ");
const GUESTS_AT_ONCE = 2;

const { kernels, command, timeoutMs } = readArguments();
const scratch = new ScratchDirectory();
const project = scratch.file("project.img");
await makeProjectImage(project, command, [...TESTS, ...IPVS_TESTS]);
const disks = { root: await rootImage(), project, dependencies: await dependenciesImage() };

const reports = new Map<KernelRelease, GuestReport>();
const waiting = [...kernels];
async function runWaiting(): Promise<void> {
  for (let kernel = waiting.shift(); kernel !== undefined; kernel = waiting.shift()) {
    const directory = join(RESULTS, kernel.release);
    const boot = await bootFiles(kernel);
    console.log(`${kernel.release.padEnd(5)} booting`);
    const run = await runGuest({ boot, parameters: kernel.parameters, disks, directory, timeoutMs });
    const report = reportGuest(kernel.release, run, directory);
    reports.set(kernel, report);
    console.log(describeGuest(report));
  }
}
await Promise.all(Array.from({ length: GUESTS_AT_ONCE }, runWaiting));

const all = kernels.flatMap((kernel) => reports.get(kernel) ?? []);
mkdirSync(RESULTS, { recursive: true });
writeFileSync(join(RESULTS, "results.json"), `${JSON.stringify(all, undefined, 2)}\n`);
const sum = (count: (report: GuestReport) => number) => all.reduce((total, report) => total + count(report), 0);
const failed = sum((report) => report.failed);
console.log(`\n${tabulate(all)}\n\n${sum((report) => report.passed)} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        command: { type: "string", default: KERNEL_TESTS },
        timeout: { type: "string", default: "1500" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const timeoutMs = Number(values.timeout) * 1000;
    if (!(timeoutMs > 0))
      throw new Error(`Cannot use --timeout ${values.timeout}: a positive number of seconds is needed`);
    return { kernels: selectReleases(positionals), command: values.command, timeoutMs };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}
