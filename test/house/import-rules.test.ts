import assert from "node:assert/strict";
import { test } from "node:test";
import { violations } from "./import-rules.ts";

/** Violations among files given as path and text; every path that is imported exists. */
function check(files: Readonly<Record<string, string>>): string[] {
  return violations(Object.entries(files).map(([path, text]) => ({ path, text })));
}

test("violations() accepts what the architecture allows", () => {
  assert.deepEqual(
    check({
      "src/identity/a.ts": 'import { x } from "../kubernetes/x.ts";\nimport "node:fs";',
      "src/flows/b.ts": 'import { x } from "../identity/a.ts";\nimport { y } from "../kernel/y.ts";',
      "src/export/c.ts": 'import type { B } from "../flows/b.ts";\nimport { type B2 } from "../flows/b.ts";',
      "src/cli/d.ts": 'import { c } from "../export/c.ts";',
      "src/agent.ts": 'import { d } from "./cli/d.ts";\nimport { b } from "./flows/b.ts";',
      "src/main.ts": 'import { a } from "./agent.ts";',
      "src/kernel/y.ts": 'import { createRequire } from "node:module";',
    }),
    [],
  );
});

test("violations() names an import that runs the wrong way, with its line, type-only ones included", () => {
  assert.deepEqual(
    check({
      "src/kernel/a.ts": 'import "node:fs";\nimport type { B } from "../flows/b.ts";',
      "src/metrics/a.ts": 'import { z } from "../config/schema.ts";',
      "src/identity/a.ts": 'export { f } from "../flows/f.ts";',
      "src/kubernetes/a.ts": 'export * from "../identity/b.ts";',
      "src/config/a.ts": 'const lazy = () => import("../metrics/family.ts");',
      "src/flows/a.ts": 'let x: import("../export/c.ts").C;',
      "src/cli/a.ts": 'import { Agent } from "../agent.ts";',
    }),
    [
      "src/kernel/a.ts:2: kernel may not import src/flows/b.ts",
      "src/metrics/a.ts:1: metrics may not import src/config/schema.ts",
      "src/identity/a.ts:1: identity may not import src/flows/f.ts",
      "src/kubernetes/a.ts:1: kubernetes may not import src/identity/b.ts",
      "src/config/a.ts:1: config may not import src/metrics/family.ts",
      "src/flows/a.ts:1: flows may not import src/export/c.ts",
      "src/cli/a.ts:1: nothing may import src/agent.ts",
    ],
  );
});

test("violations() lets export see types of flows, and nothing more", () => {
  assert.deepEqual(check({ "src/export/a.ts": 'import { b } from "../flows/b.ts";' }), [
    "src/export/a.ts:1: export may import types only from flows",
  ]);
  assert.deepEqual(check({ "src/export/a.ts": 'import { type B, b } from "../flows/b.ts";' }), [
    "src/export/a.ts:1: export may import types only from flows",
  ]);
});

test("violations() lets only src/kernel import the addon, however it is loaded", () => {
  const loads = [
    'import addon from "../../build/Release/weir.node";',
    'const addon = require("../../build/Release/weir.node");',
    'const addon = createRequire(import.meta.url)("../../build/Release/weir.node");',
  ];
  for (const text of loads) {
    assert.deepEqual(
      check({ "src/flows/a.ts": text }),
      ["src/flows/a.ts:1: only src/kernel may import the addon"],
      text,
    );
    assert.deepEqual(check({ "src/main.ts": text }), ["src/main.ts:1: only src/kernel may import the addon"], text);
    assert.deepEqual(check({ "src/kernel/addon.ts": text }), [], text);
  }
});

test("violations() finds cycles within a room, of types too", () => {
  assert.deepEqual(
    check({
      "src/flows/a.ts": 'import { b } from "./b.ts";',
      "src/flows/b.ts": 'import { c } from "./c.ts";',
      "src/flows/c.ts": 'import type { A } from "./a.ts";',
    }),
    ["cycle: src/flows/a.ts -> src/flows/b.ts -> src/flows/c.ts -> src/flows/a.ts"],
  );
});

test("violations() names a room that has no rule", () => {
  assert.deepEqual(check({ "src/utils/a.ts": 'import { b } from "../flows/b.ts";' }), [
    "src/utils/a.ts:1: src/utils has no rule in test/house/import-rules.ts",
  ]);
});
