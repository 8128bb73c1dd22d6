import { readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "./run-tool.ts";

const BLOCK_BYTES = 4096;

/** Makes a disk image with the contents of a directory and `freeBytes` of room. The file is sparse: room costs nothing. */
export async function makeExt4Image(directory: string, image: string, freeBytes: number): Promise<void> {
  let blocks = 0;
  let files = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    files += 1;
    blocks += entry.isFile() ? Math.ceil(statSync(join(entry.parentPath, entry.name)).size / BLOCK_BYTES) : 1;
  }
  const inodes = files + 20_000;
  // A tenth for what the file system keeps for itself; inodes are 256 bytes.
  const bytes = (blocks * BLOCK_BYTES + inodes * 256) * 1.1 + freeBytes;
  writeFileSync(image, "");
  truncateSync(image, Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES);
  // Images are thrown away after a crash, so a journal would protect nothing.
  const features = ["-t", "ext4", "-O", "^has_journal", "-m", "0", "-b", `${BLOCK_BYTES}`, "-N", `${inodes}`];
  await runTool("mke2fs", ["-q", "-F", ...features, "-d", directory, image]);
}
