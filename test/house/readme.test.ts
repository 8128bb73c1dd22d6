import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FAILURE_REASONS } from "../../src/flows/connection-event.ts";
import type { EdgeSlots } from "../../src/flows/edge-family.ts";
import { EdgeMetrics } from "../../src/flows/edge-metrics.ts";
import { prometheusName } from "../../src/metrics/metric-name.ts";

const README = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");

/** Enough of a table of edges to ask the metrics for their names. */
const NO_EDGES = { slots: 0, capacity: 0 } as unknown as EdgeSlots;

test("README.md has a row for every flow metric, with its names, kind, unit and labels", () => {
  for (const { name, unit, kind, attributeKeys } of new EdgeMetrics(NO_EDGES).all) {
    const row = README.split("\n").find((line) => line.startsWith(`| \`${name}\``));
    assert.ok(row, `README.md has no row for ${name}`);
    const [, names = "", rowKind = "", rowUnit = "", labels = ""] = row.split("|").map((cell) => cell.trim());
    assert.ok(names.endsWith(`<br>\`${prometheusName(name, unit, kind)}\``), `${name}: ${names}`);
    assert.equal(rowKind, kind, name);
    assert.equal(rowUnit, unit, name);
    for (const { label, otlp } of attributeKeys) {
      const documented =
        README.includes(`\`${label}\``) && (labels.includes(`\`${label}\``) || README.includes(`\`${otlp}\``));
      assert.ok(documented, `${name}: label ${label} is not documented`);
    }
  }
});

test("README.md lists every reason of a failure", () => {
  assert.ok(README.includes(`\`reason\` = ${FAILURE_REASONS.join(", ")}`));
});
