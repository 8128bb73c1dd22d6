import assert from "node:assert/strict";
import { test } from "node:test";
import { readFlags } from "../../src/config/flags.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { OPTIONS } from "../../src/config/option.ts";
import { exampleYaml } from "./example-yaml.ts";

function load(text: string) {
  return loadConfig({ flags: readFlags([]), environment: {}, hostname: "node-7", readFile: () => text });
}

test("exampleYaml() as it stands changes nothing", () => {
  assert.deepEqual(load(exampleYaml()), load(""));
});

test("exampleYaml() with every setting switched on is a valid configuration", () => {
  const keys = OPTIONS.map(({ path }) => path.split(".").at(-1)).join("|");
  const settings = new RegExp(`^( *)# (${keys}): `, "gm");
  const text = exampleYaml();
  assert.equal(text.match(settings)?.length, OPTIONS.length);
  const config = load(text.replaceAll(settings, "$1$2: "));
  assert.equal(config.nodeName, "worker-3");
  assert.deepEqual(config.external.cidrs, [{ cidr: "10.20.0.0/16", name: "warehouse" }]);
  assert.equal(config.otlp.intervalMs, 60_000);
});
