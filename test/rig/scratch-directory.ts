import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAME = /^weir-rig-(\d+)-/;
const live = new Set<string>();

/** A directory below the system's temporary one that goes with this process, even if `remove()` is never called. */
export class ScratchDirectory {
  readonly path: string;

  constructor() {
    removeLeftovers();
    this.path = mkdtempSync(join(tmpdir(), `weir-rig-${process.pid}-`));
    if (live.size === 0) process.once("exit", removeLive);
    live.add(this.path);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    live.delete(this.path);
    if (live.size === 0) process.off("exit", removeLive);
  }
}

function removeLive(): void {
  for (const path of live) rmSync(path, { recursive: true, force: true });
}

/** What processes left behind that were killed: their number is in the name. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !exists(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
