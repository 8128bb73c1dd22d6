import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Process } from "./process.ts";
import { ScratchDirectory } from "./scratch-directory.ts";
import { waitUntil } from "./wait-until.ts";

function scratch(t: { after(fn: () => void): void }): ScratchDirectory {
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  return directory;
}

/** False for a process that has ended, waited for or not. */
function alive(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/^\d+ \(.*\) Z/s.test(readFileSync(path, "utf8"));
}

test("Process.start() runs the program and keeps what it writes", async (t) => {
  const logFile = scratch(t).file("log");
  const child = await Process.start({
    command: ["sh", "-c", 'echo "$WORD"; echo error >&2; exit 7'],
    logFile,
    env: { WORD: "out" },
  });
  assert.deepEqual(await child.exited, { code: 7, signal: null });
  assert.equal(child.log(), "out\nerror\n");
  assert.equal(child.running, false);
});

test("Process.waitUntil() ends with the log when the child ends first", async (t) => {
  const child = await Process.start({ command: ["sh", "-c", "echo no luck; exit 3"], logFile: scratch(t).file("log") });
  await assert.rejects(
    child.waitUntil(() => false, { what: "the impossible", deadlineMs: 60_000 }),
    /Cannot wait for the impossible: sh ended with exit code 3.*no luck/s,
  );
});

test("Process.stop() kills what ignores SIGTERM, once its grace is over", async (t) => {
  const directory = scratch(t);
  const child = await Process.start({
    command: ["sh", "-c", `trap '' TERM; touch ${directory.file("trapped")}; while :; do sleep 0.1; done`],
    logFile: directory.file("log"),
  });
  await child.waitUntil(() => existsSync(directory.file("trapped")), { what: "the trap" });
  assert.deepEqual(await child.stop(100), { code: null, signal: "SIGKILL" });
});

test("a Process does not outlive a parent that was killed, and its directory goes with the next one", async (t) => {
  const script = `
    import { Process } from ${JSON.stringify(join(import.meta.dirname, "process.ts"))};
    import { ScratchDirectory } from ${JSON.stringify(join(import.meta.dirname, "scratch-directory.ts"))};
    const directory = new ScratchDirectory();
    const child = await Process.start({ command: ["sleep", "1000"], logFile: directory.file("log") });
    console.log(JSON.stringify({ pid: child.pid, path: directory.path }));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const { pid, path } = JSON.parse(line.toString()) as { pid: number; path: string };
  assert.equal(alive(pid), true);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  await waitUntil(() => !alive(pid), { what: "the orphan's end" });
  assert.equal(existsSync(path), true);
  scratch(t);
  assert.equal(existsSync(path), false);
});
