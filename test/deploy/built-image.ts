import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const PROJECT = join(import.meta.dirname, "../..");

/** Builds the image as `npm run image` does, and gives the archive's path. */
export async function builtImage(): Promise<string> {
  await promisify(execFile)("bash", [join(PROJECT, "deploy/image.sh")]);
  return join(PROJECT, "dist/weir-image.tar");
}

/** For `skip`: what is missing here to build and to run images, or `false`. Throws where nothing may be missing. */
export function skipWithoutImages(): string | false {
  const missing = ["buildah", "mmdebstrap", "containerd", "ctr", "runc"].filter(
    (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
  );
  if (missing.length === 0 && process.getuid?.() === 0) return false;
  return missing.length === 0 ? "needs root" : `needs ${missing.join(", ")}: npm test installs them on Debian`;
}
