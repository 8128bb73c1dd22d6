import { closeSync, copyFileSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";

/** On a disk, unlike the directory for temporary files of some distributions. */
const BUILD = join(import.meta.dirname, "../../build");

/**
 * Path of a copy of the Node that runs this, which goes with this process and which nobody else runs: the kernel takes memory of a
 * program's file back only from whoever has it alone, and only once the file is on a disk.
 */
export function copyNode(): string {
  mkdirSync(BUILD, { recursive: true });
  const directory = mkdtempSync(join(BUILD, "node-copy-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "node");
  copyFileSync(process.execPath, path);
  const file = openSync(path, "r+");
  fsyncSync(file);
  closeSync(file);
  return path;
}
