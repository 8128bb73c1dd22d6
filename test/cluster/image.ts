import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { runTool } from "../kernels/run-tool.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

export interface ImageContents {
  /** `REPOSITORY:TAG`. A node that has an image of that name does not look again, so a changed image needs another one. */
  readonly name: string;
  /** Programs by their paths in the image. */
  readonly files: Readonly<Record<string, string>>;
  /** Targets of symbolic links by their paths in the image. */
  readonly links?: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

// The same files give the same bytes.
const ANYWHERE = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--format=gnu"];

/** Writes a Docker archive with one layer: what `docker load` and containerd's import read. */
export async function writeImage({ name, files, links = {}, command }: ImageContents, archive: string): Promise<void> {
  const scratch = new ScratchDirectory();
  try {
    const root = scratch.file("root");
    for (const directory of ["bin", "etc", "proc", "sys", "dev", "tmp"])
      mkdirSync(join(root, directory), { recursive: true });
    for (const [path, source] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      await copyFile(source, join(root, path));
      await runTool("chmod", ["755", join(root, path)]);
    }
    for (const [path, target] of Object.entries(links)) symlinkSync(target, join(root, path));
    const layer = scratch.file("layer.tar");
    await runTool("tar", [...ANYWHERE, "-C", root, "-cf", layer, "."]);
    const layerDigest = await sha256(layer);
    const config = JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config: { Env: ["PATH=/bin"], Cmd: command, WorkingDir: "/" },
      rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    });
    const configFile = `${createHash("sha256").update(config).digest("hex")}.json`;
    writeFileSync(scratch.file(configFile), config);
    const manifest = [{ Config: configFile, RepoTags: [name], Layers: ["layer.tar"] }];
    writeFileSync(scratch.file("manifest.json"), JSON.stringify(manifest));
    const parts = ["manifest.json", configFile, "layer.tar"];
    await runTool("tar", [...ANYWHERE, "-C", scratch.path, "-cf", `${archive}.${process.pid}`, ...parts]);
    renameSync(`${archive}.${process.pid}`, archive);
  } finally {
    scratch.remove();
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
