import assert from "node:assert/strict";
import { test } from "node:test";
import { readCommand } from "../../src/cli/command.ts";
import { helpText } from "../../src/cli/help.ts";
import type { ConfigProblem } from "../../src/config/config-error.ts";
import { OPTIONS } from "../../src/config/option.ts";

test("readCommand() runs the agent where no command is given", () => {
  const problems: ConfigProblem[] = [];
  assert.equal(readCommand([], problems), "run");
  assert.equal(readCommand(["run"], problems), "run");
  assert.equal(readCommand(["doctor"], problems), "doctor");
  assert.deepEqual(problems, []);
});

test("readCommand() refuses an unknown command, and a second one", () => {
  const problems: ConfigProblem[] = [];
  readCommand(["docter"], problems);
  readCommand(["run", "doctor"], problems);
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['unknown command "docter" (did you mean doctor?)', 'one command at a time, but got also "doctor"'],
  );
});

test("helpText() names every option in all its sources, with its default", () => {
  const text = helpText(100);
  for (const { path, flag, variable, defaultText } of OPTIONS) {
    for (const part of [`  ${flag} `, `Key ${path},`, `variable ${variable}\n`, `Default: ${defaultText}\n`]) {
      assert.ok(text.includes(part), part);
    }
  }
});
