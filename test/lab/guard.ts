import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { LAB_LOCK } from "./prefix.ts";

/** What is guarded: something of which a host has one at a time. */
export interface Guarded {
  /** For messages: "lab". */
  readonly name: string;
  /** A file that the holder locks. */
  readonly lock: string;
  /** Path of the script that takes it away, whoever made it. */
  readonly down: string;
}

const THE_LAB: Guarded = {
  name: "lab",
  lock: LAB_LOCK,
  down: fileURLToPath(new URL("down.ts", import.meta.url)),
};
// Reads its input up to the end, which comes when the lab's process has ended, however it did.
const SCRIPT = 'echo held; read -r word || true; [ "$word" = released ] || exec "$1" "$2" >/dev/null 2>&1';

/**
 * Holds the host's one lab lock, or another rig's, and tears that down when the process that holds it dies, be it by SIGKILL:
 * a small program of its own session waits on a pipe from us and, should it break, runs `down.ts`.
 */
export class Guard {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #released = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once("close", () => resolve()));
  }

  /** Waits until no other one is up on this host. Throws after `waitMs`, naming the holder. */
  static async take(waitMs: number, { name, lock, down }: Guarded = THE_LAB): Promise<Guard> {
    const seconds = String(Math.max(1, Math.ceil(waitMs / 1000)));
    const child = spawn("flock", ["-w", seconds, lock, "sh", "-c", SCRIPT, "sh", process.execPath, down], {
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
    });
    const guard = new Guard(child);
    child.stdin?.on("error", () => {});
    const note = setTimeout(
      async () => console.error(`waiting for another ${name} on this host: ${await holder(lock)}`),
      3000,
    );
    const held = await new Promise<boolean>((resolve, reject) => {
      child.once("error", (cause) => reject(new Error("Cannot run flock: install util-linux", { cause })));
      child.once("close", () => resolve(false));
      child.stdout?.once("data", () => resolve(true));
    }).finally(() => clearTimeout(note));
    if (!held)
      throw new Error(`Cannot bring the ${name} up within ${waitMs} ms: another one is up, ${await holder(lock)}`);
    await writeFile(lock, `process ${process.pid}: ${process.argv.join(" ")}\n`);
    // The guard is no reason for our process to stay.
    child.unref();
    (child.stdin as unknown as { unref(): void }).unref();
    (child.stdout as unknown as { unref(): void }).unref();
    return guard;
  }

  /** Gives the lock back without a tear-down. Idempotent. */
  async release(): Promise<void> {
    if (!this.#released) {
      this.#released = true;
      this.#child.ref();
      this.#child.stdin?.end("released\n");
    }
    await this.#exited;
  }
}

async function holder(lock: string): Promise<string> {
  return (await readFile(lock, "utf8").catch(() => "")).trim() || "its holder is unknown";
}
