import assert from "node:assert/strict";
import { test } from "node:test";
import { readEnvironment } from "../../src/config/environment.ts";
import { didYouMean } from "../../src/config/nearest.ts";
import { OPTIONS } from "../../src/config/option.ts";

test("OPTIONS have names that no two share, in any source", () => {
  for (const name of ["path", "flag", "variable"] as const) {
    assert.equal(new Set(OPTIONS.map((option) => option[name])).size, OPTIONS.length, name);
  }
});

test("OPTIONS are each documented: a description that is a sentence, a range and a default", () => {
  for (const { path, description, range, defaultText } of OPTIONS) {
    assert.match(description, /^[A-Z].*\.$/s, path);
    assert.notEqual(range, "", path);
    assert.notEqual(defaultText, "", path);
  }
});

test("OPTIONS have variables that no service link of Kubernetes hides", () => {
  for (const { path, variable } of OPTIONS) {
    for (const value of ["10.0.0.1", "80", "tcp://10.0.0.1:80"]) {
      const settings = readEnvironment({ [variable]: value }, []);
      assert.deepEqual(
        settings.map((setting) => setting.path),
        [path],
      );
    }
  }
});

test("didYouMean() suggests what is near and nothing else", () => {
  const known = ["flows.sweepInterval", "flows.maxEdges", "listen"];
  assert.equal(didYouMean("flows.sweep-intervall", known), " (did you mean flows.sweepInterval?)");
  assert.equal(didYouMean("FLOWS_MAX_EDGES", known), " (did you mean flows.maxEdges?)");
  assert.equal(didYouMean("lisen", known), " (did you mean listen?)");
  assert.equal(didYouMean("colour", known), "");
  assert.equal(didYouMean("", known), "");
});
