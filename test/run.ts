// Runs the tests and ends with `N passed, N failed, N skipped`.
//
//   node test/run.ts                 everything but what has a command of its own
//   node test/run.ts config flows    only these folders of test/, or files
//
// With WEIR_TEST_NO_SKIP=1 a skipped test is a failed one: where nothing may be missing, nothing may be skipped.
import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

/** Tests that use one kernel, and so run one file after the other. */
const ONE_AT_A_TIME = new Set(["native", "kernel", "lab", "agent", "cli", "deploy", "cluster", "machine"]);
/** Tests that have a command of their own: `npm run test:cluster`. */
const ONLY_WHEN_NAMED = new Set(["cluster", "machine"]);

/** A file that takes longer waits for what will not come; then it fails, and what it began is cleaned up. */
const PATIENCE_MS = { default: 8 * 60_000, machine: 30 * 60_000 };

/** Of a failure, when all failures are told once more at the end. */
const REASON_LINES = 40;

const here = import.meta.dirname;
const wanted = process.argv.slice(2);
const files = (
  wanted.length === 0 ? filesOf(".").filter((file) => !ONLY_WHEN_NAMED.has(layerOf(file))) : wanted.flatMap(filesOf)
).sort();
if (files.length === 0) {
  console.error(`Cannot run tests: no *.test.ts in ${wanted.join(", ") || "test"}`);
  process.exit(2);
}

const together = files.filter((file) => !ONE_AT_A_TIME.has(layerOf(file)));
const alone = files.filter((file) => ONE_AT_A_TIME.has(layerOf(file)));
const counts = { passed: 0, failed: 0 };
const skips: string[] = [];
const failures: string[] = [];
console.log(`Running ${files.length} test files: ${[...new Set(files.map(layerOf))].join(", ")}`);
await runFiles(together, 2);
await runFiles(alone, 1);

const strict = process.env["WEIR_TEST_NO_SKIP"] === "1";
if (skips.length > 0) console.log(`\n${strict ? "Skipped, which counts as failed here" : "Skipped"}:`);
for (const skip of skips) console.log(`  ${skip}`);
if (failures.length > 0) console.log("\nFailed:");
for (const failure of failures) console.log(`  ${failure}`);
const failed = counts.failed + (strict ? skips.length : 0);
console.log(`\n${counts.passed} passed, ${failed} failed, ${strict ? 0 : skips.length} skipped`);
process.exit(failed === 0 ? 0 : 1);

function filesOf(place: string): string[] {
  for (const path of [join(here, place), place]) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() === true) return [path];
    if (stat?.isDirectory() === true) return globSync("**/*.test.ts", { cwd: path }).map((file) => join(path, file));
  }
  console.error(`Cannot run tests: there is no test/${place}`);
  process.exit(2);
}

/** The folder below test/. */
function layerOf(file: string): string {
  return file.slice(here.length + 1).split("/")[0] ?? "";
}

async function runFiles(paths: readonly string[], concurrency: number): Promise<void> {
  if (paths.length === 0) return;
  const events = run({
    files: paths,
    concurrency,
    timeout: paths.some((path) => layerOf(path) === "machine") ? PATIENCE_MS.machine : PATIENCE_MS.default,
  });
  events.on("test:pass", ({ name, file, skip, details }) => {
    if (details.type === "suite") return;
    if (skip === undefined || skip === false) counts.passed++;
    else skips.push(`${where(file)}${name}: ${skip === true || skip === "" ? "no reason given" : skip}`);
  });
  events.on("test:fail", ({ name, file, details }) => {
    // A suite fails because a test in it did, which was counted; unless it failed by itself.
    const cause = details.error as Error & { failureType?: string };
    if (details.type === "suite" && cause.failureType === "subtestsFailed") return;
    counts.failed++;
    failures.push(`${where(file)}${name}\n${reason(cause)}`);
  });
  for await (const chunk of events.compose(spec())) process.stdout.write(chunk as string);
}

/** What a test failed of, indented: the start of what may be long. */
function reason(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const lines = (cause.stack ?? cause.message).split("\n").filter((line) => !/^\s+at .*\bnode:/.test(line));
  return lines
    .slice(0, REASON_LINES)
    .map((line) => `    ${line}`)
    .join("\n");
}

function where(file: string | undefined): string {
  return file === undefined ? "" : `${file.replace(`${here}/`, "test/")}: `;
}
