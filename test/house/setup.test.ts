import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

const SETUP = join(import.meta.dirname, "../../deploy/setup.sh");
const OWNER = statSync(SETUP);
const rootOnly = { skip: process.getuid?.() === 0 ? false : "needs root, to make the machine look otherwise" };

interface Outcome {
  readonly code: number;
  readonly complaint: string;
}

function run(command: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, (error, _, stderr) => resolve({ code: Number(error?.code ?? 0), complaint: stderr }));
  });
}

/** Runs the set-up where `mounts`, a piece of shell, made this machine look like another; nobody else sees it. */
function runWhere(mounts: string): Promise<Outcome> {
  return run("unshare", ["--mount", "bash", "-ec", `${mounts}; exec bash "$0" --run`, SETUP]);
}

test("setup.sh refuses an argument that it does not know, and names those that it does", async () => {
  const { code, complaint } = await run("bash", [SETUP, "--test"]);
  assert.equal(code, 2);
  assert.equal(complaint, "setup: unknown argument '--test': use --run, --image, --tests or nothing\n");
});

test("setup.sh --run without privileges says in one sentence that it needs root", rootOnly, async () => {
  // As the sources' owner: anyone else may not be let in where they are.
  const powerless = ["--bounding-set=-all", "--inh-caps=-all", `--reuid=${OWNER.uid}`, "--clear-groups"];
  const { code, complaint } = await run("setpriv", [...powerless, "bash", SETUP, "--run"]);
  assert.equal(code, 1);
  assert.equal(
    complaint,
    "setup: Weir needs root to load eBPF programs: run it again as root, for example with sudo.\n",
  );
});

test("setup.sh --run on a kernel without type information says in one sentence what to boot", rootOnly, async () => {
  const { code, complaint } = await runWhere("mount -t tmpfs none /sys/kernel/btf");
  assert.equal(code, 1);
  assert.match(
    complaint,
    /^setup: this kernel has no type information at .*: boot a kernel .*CONFIG_DEBUG_INFO_BTF=y.*\n$/,
  );
});

test("setup.sh --run on another distribution lists its packages instead of guessing", rootOnly, async (t) => {
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  for (const name of readdirSync("/usr/bin")) {
    if (name !== "apt-get" && name !== "clang") symlinkSync(join("/usr/bin", name), directory.file(name));
  }
  const { code, complaint } = await run("env", [`PATH=${directory.path}`, "bash", SETUP, "--run"]);
  assert.equal(code, 1);
  assert.match(
    complaint,
    /^setup: this is not Debian or Ubuntu, .*install these packages yourself.*\(not found: clang\):\n/,
  );
  for (const manager of ["dnf", "zypper", "pacman"]) assert.match(complaint, new RegExp(`\\b${manager} .* ?clang `));
});
