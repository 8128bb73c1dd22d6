import { copyFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { peerBinary } from "../lab/peer-binary.ts";
import { compiledBpf } from "../native/compile-bpf.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { COMPILE_CACHE, fillCompileCache } from "./compile-cache.ts";
import { makeExt4Image } from "./ext4-image.ts";
import { cached, keyOf } from "./kernel-cache.ts";

const PROJECT = join(import.meta.dirname, "../..");
/** What runs, of the project; all else stays outside. */
const CARRIED = ["package.json", "src", "bpf", "test", "deploy", "build/Release", "build/bpf", COMPILE_CACHE];
/** What the compilers read and Node does not. */
const NOT_RUN = /\.(?:d\.[cm]?ts|map|md|flow|tsbuildinfo)$/;
const FREE_BYTES = 256 << 20;

/** The file in the project's image that holds the command to run. */
export const COMMAND_FILE = ".guest-command";

/**
 * Makes an image of the project as it is now, without its dependencies, and with the command that the guest runs. `tests` are
 * the files that Node is to start quickly, besides the agent.
 */
export async function makeProjectImage(image: string, command: string, tests: readonly string[]): Promise<void> {
  if (!existsSync(join(PROJECT, "build/Release/weir.node"))) {
    throw new Error(
      "Cannot take the project into a guest: build/Release/weir.node is missing; build it with npm run build",
    );
  }
  const scratch = new ScratchDirectory();
  try {
    await fillCompileCache(tests);
    for (const name of CARRIED) {
      const from = join(PROJECT, name);
      if (existsSync(from)) cpSync(from, scratch.file(name), { recursive: true });
    }
    mkdirSync(scratch.file("node_modules"));
    // The guest has no compiler; it looks for what tests compile in this cache (see init.sh).
    const programs = globSync("*.bpf.c", { cwd: join(PROJECT, "test/native") });
    for (const compiled of [await peerBinary(), ...programs.map(compiledBpf)]) {
      const directory = scratch.file(join(".cache/weir", basename(dirname(compiled))));
      mkdirSync(directory, { recursive: true });
      copyFileSync(compiled, join(directory, basename(compiled)));
    }
    writeFileSync(scratch.file(COMMAND_FILE), `${command}\n`);
    await makeExt4Image(scratch.path, image, FREE_BYTES);
  } finally {
    scratch.remove();
  }
}

/** An image of `node_modules` with the packages that run, and of those the files that run. */
export async function dependenciesImage(): Promise<string> {
  // npm's record of what is installed, which may be older than the lock.
  const record = readFileSync(join(PROJECT, "node_modules/.package-lock.json"), "utf8");
  const { packages } = JSON.parse(record) as { packages: Record<string, { dev?: boolean; devOptional?: boolean }> };
  const paths = Object.entries(packages)
    .filter(([, { dev, devOptional }]) => !dev && !devOptional)
    .map(([path]) => path.slice("node_modules/".length))
    // The rest lies in these.
    .filter((path) => !path.includes("node_modules/"));
  return cached("dependencies", keyOf(readFileSync(import.meta.filename), record), async (image) => {
    const scratch = new ScratchDirectory();
    try {
      for (const path of paths) {
        const from = join(PROJECT, "node_modules", path);
        if (!existsSync(from)) continue;
        mkdirSync(dirname(scratch.file(path)), { recursive: true });
        cpSync(from, scratch.file(path), { recursive: true, filter: (file) => !NOT_RUN.test(file) });
      }
      await makeExt4Image(scratch.path, image, 0);
    } finally {
      scratch.remove();
    }
  });
}
