import assert from "node:assert/strict";
import { test } from "node:test";
import { readFlags } from "../../src/config/flags.ts";

test("readFlags() separates the command from flags and their values", () => {
  const flags = readFlags(["--spans.closed", "doctor", "--config", "weir.yaml", "--listen=:80"]);
  assert.deepEqual(flags.words, ["doctor"]);
  assert.equal(flags.configFile, "weir.yaml");
  assert.deepEqual(flags.settings, [
    { path: "spans.closed", value: true, source: "flag --spans.closed" },
    { path: "listen", value: ":80", source: "flag --listen" },
  ]);
  assert.deepEqual(flags.problems, []);
});

test("readFlags() understands --no- and an explicit value of a boolean", () => {
  const valuesOf = (...argv: string[]) => readFlags(argv).settings.map(({ value }) => value);
  assert.deepEqual(valuesOf("--no-spans.failed"), [false]);
  assert.deepEqual(valuesOf("--spans.failed", "false"), [false]);
  assert.deepEqual(valuesOf("--spans.failed=true"), [true]);
  assert.deepEqual(valuesOf("--no-kubernetes.enabled"), [false]);
});

test("readFlags() reports a scalar given twice, a missing value, and a value where none belongs", () => {
  const problems = (...argv: string[]) =>
    readFlags(argv).problems.map(({ source, message }) => `${source}: ${message}`);
  assert.deepEqual(problems("--log-level=info", "--log-level=warn"), ["flag --log-level: given twice"]);
  assert.deepEqual(problems("--spans.closed", "--no-spans.closed"), ["flag --no-spans.closed: given twice"]);
  assert.deepEqual(problems("--config", "a", "--config", "b"), ["flag --config: given twice"]);
  assert.deepEqual(problems("--node-name", "--help"), ["flag --node-name: needs a value: a node's name"]);
  assert.deepEqual(problems("--help=me"), ['flag --help: takes no value, got "me"']);
});

test("readFlags() knows --help and --version in both forms", () => {
  assert.equal(readFlags(["-h"]).help, true);
  assert.equal(readFlags(["--help"]).help, true);
  assert.equal(readFlags(["-V"]).version, true);
  assert.equal(readFlags(["--version"]).version, true);
});
