import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, suite, test } from "node:test";
import { promisify } from "node:util";
import { VERSION } from "../../src/cli/version.ts";
import { builtImage, skipWithoutImages } from "./built-image.ts";

const DOCKERFILE = join(import.meta.dirname, "../../deploy/Dockerfile");
const MAX_BYTES = 200 << 20;
const run = promisify(execFile);

suite("npm run image", { skip: skipWithoutImages() }, () => {
  let archive: string;
  before(async () => {
    archive = await builtImage();
  });

  const fileOf = async (name: string) => (await run("tar", ["-xOf", archive, name], { maxBuffer: 1 << 20 })).stdout;

  /** Path, mode and owner of each file of all layers. */
  async function entries(): Promise<{ mode: string; owner: string; path: string }[]> {
    const [{ Layers: layers }] = JSON.parse(await fileOf("manifest.json")) as [{ Layers: string[] }];
    const lists = layers.map(async (layer) => {
      const script = 'tar -xOf "$0" "$1" | tar -tv --numeric-owner';
      const { stdout } = await run("bash", ["-c", script, archive, layer], { maxBuffer: 64 << 20 });
      return stdout.trimEnd().split("\n");
    });
    return (await Promise.all(lists)).flat().map((line) => {
      const [mode = "", owner = "", , , , ...path] = line.split(/ +/);
      return { mode, owner, path: path.join(" ") };
    });
  }

  test("gives one image with this version's name, root's entry point, and the variables of npm start", async () => {
    const [{ Config: config, RepoTags: tags }] = JSON.parse(await fileOf("manifest.json")) as [
      { Config: string; RepoTags: string[] },
    ];
    assert.deepEqual(tags, [`localhost/weir:${VERSION}`]);
    const image = JSON.parse(await fileOf(config)) as {
      config: { Env: string[]; Entrypoint: string[]; WorkingDir: string; Labels: Record<string, string> };
    };
    assert.deepEqual(image.config.Entrypoint, ["/usr/local/bin/weir"]);
    assert.equal(image.config.Labels["org.opencontainers.image.version"], VERSION);
    const variables = [...readFileSync(DOCKERFILE, "utf8").matchAll(/^ENV (.*)$/gm)].map(
      ([, variable = ""]) => variable,
    );
    assert.ok(variables.some((variable) => variable.startsWith("NODE_OPTIONS=")));
    for (const variable of variables) assert.ok(image.config.Env.includes(variable), variable);
  });

  test("holds a compile cache that its Node takes with the image's own flags", async () => {
    const options = /^ENV (NODE_OPTIONS)=(.*)$/m.exec(readFileSync(DOCKERFILE, "utf8"));
    const env = { ...process.env, NODE_OPTIONS: options?.[2] };
    // What V8 calls everything that must be equal: its version, its flags, the CPU's features.
    const tag = "require('node:v8').cachedDataVersionTag().toString(16)";
    const { stdout } = await run(process.execPath, ["--print", tag], { env });
    const caches = (await entries()).filter(({ path }) => /^opt\/weir\/build\/compile-cache\/[^/]+\/$/.test(path));
    assert.equal(caches.length, 1);
    assert.match(caches[0]?.path ?? "", new RegExp(`/${process.version}-${process.arch}-${stdout.trim()}/$`));
  });

  test("gives the same bytes for the same sources", async () => {
    const digest = () => createHash("sha256").update(readFileSync(archive)).digest("hex");
    const first = digest();
    await builtImage();
    assert.equal(digest(), first);
    assert.ok(statSync(archive).size < MAX_BYTES, `${statSync(archive).size} bytes`);
  });

  test("holds nothing that others than root may change, that gives rights, or that only a build needs", async () => {
    const all = await entries();
    assert.ok(all.some(({ path }) => path === "opt/weir/src/main.ts"));
    assert.ok(all.some(({ path }) => path.startsWith("opt/weir/build/compile-cache/")));
    assert.ok(all.some(({ path }) => path === "opt/weir/LICENSE"));
    for (const { mode, owner, path } of all) {
      if (mode.startsWith("l") || /^(tmp|var\/tmp)\/$/.test(path)) continue;
      assert.match(mode, /^.{5}-..-.$/, path);
      assert.doesNotMatch(mode, /[sS]/, path);
      if (path.startsWith("opt/")) assert.equal(owner, "0/0", path);
    }
    const unwanted = /(^|\/)(sh|bash|apt|dpkg|npm|gcc|clang)$|\.d\.ts$|node_modules\/(typescript|@biomejs|cmake-js)\//;
    assert.deepEqual(
      all.filter(({ path }) => unwanted.test(path)).map(({ path }) => path),
      [],
    );
  });
});
