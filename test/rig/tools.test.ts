import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ScratchDirectory } from "./scratch-directory.ts";
import { skipWithout, toolDirectory, toolPath } from "./tools.ts";

const TOOLS = join(import.meta.dirname, "tools.ts");

/** Runs `expression` on tools.ts where nothing is built and `go` is too old to build it. */
function withoutGo(t: TestContext, expression: string, env: Record<string, string>) {
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  mkdirSync(directory.file("bin"));
  writeFileSync(directory.file("bin/go"), "#!/bin/sh\necho go1.19.8\n", { mode: 0o755 });
  const script = `import { skipWithout, toolPath } from ${JSON.stringify(TOOLS)}; console.log(${expression});`;
  return spawnSync(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: `${directory.file("bin")}:${process.env["PATH"]}`,
      XDG_CACHE_HOME: directory.path,
      ...env,
    },
  });
}

test("skipWithout() says what is missing where Go is, and how to get it", (t) => {
  const { status, stdout } = withoutGo(t, `skipWithout("etcd")`, { WEIR_TEST_NO_SKIP: "" });
  assert.equal(status, 0);
  assert.match(stdout, /^Cannot build etcd: it needs Go 1\.26 .* but `go` in PATH is go1\.19\.8\. Install Go/);
});

test("skipWithout() fails instead of skipping where WEIR_TEST_NO_SKIP is 1", (t) => {
  const { status, stderr } = withoutGo(t, `skipWithout("etcd")`, { WEIR_TEST_NO_SKIP: "1" });
  assert.equal(status, 1);
  assert.match(stderr, /Error: Cannot run tests that need etcd: Cannot build etcd: it needs Go/);
});

test("toolPath() fails with the build's own words", (t) => {
  const { status, stderr } = withoutGo(t, `await toolPath("etcd", "etcd")`, {});
  assert.equal(status, 1);
  assert.match(stderr, /Error: Cannot use etcd: Cannot build etcd: it needs Go/);
});

test("toolPath() gives programs that run", { skip: skipWithout("etcd") }, async () => {
  const path = await toolPath("etcd", "etcd");
  assert.equal(path, join(await toolDirectory("etcd"), "etcd"));
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  assert.match(stdout, /^etcd Version: 3\.7\.3\n/);
});
