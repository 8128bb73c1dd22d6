import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import { Counter, type Metric, Registry } from "prom-client";
import { writeExposition } from "../../../src/export/prometheus/exposition.ts";
import { FamilyMetric } from "../../../src/export/prometheus/family-metric.ts";
import type { MetricFamily } from "../../../src/metrics/family.ts";
import { ValueFamily } from "../../../src/metrics/value-family.ts";
import { HistogramFamily } from "../../metrics/histogram-family.ts";
import { HOSTILE_PAIRS, hostileFamilies } from "./hostile-families.ts";

const GOLDEN = join(import.meta.dirname, "golden/hostile.txt");

function registryOf(families: readonly MetricFamily[]): Registry {
  const registry = new Registry();
  for (const family of families) registry.registerMetric(new FamilyMetric(family) as unknown as Metric);
  return registry;
}

async function textOf(registry: Registry): Promise<string> {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      // A copy, and late: the writer must leave a chunk alone until then.
      setImmediate(() => {
        chunks.push(Buffer.from(chunk));
        done();
      });
    },
  });
  await writeExposition(registry, stream);
  return Buffer.concat(chunks).toString();
}

/** Set WEIR_UPDATE_GOLDEN=1 to write the file anew, and read the difference before you commit it. */
test("writeExposition() writes hostile labels, histograms and odd numbers as in golden/hostile.txt", async () => {
  const text = await textOf(registryOf(hostileFamilies()));
  if (process.env["WEIR_UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, text);
  assert.equal(text, readFileSync(GOLDEN, "utf8"));
  assert.ok(text.isWellFormed());
});

test("writeExposition() keeps series distinct that differ in anything", async () => {
  const text = await textOf(registryOf(hostileFamilies()));
  const lines = text.split("\n").filter((line) => line.startsWith("weir_flow_io_bytes_total"));
  const names = lines.map((line) => line.slice(0, line.lastIndexOf(" ")));
  const values = lines.map((line) => Number(line.slice(line.lastIndexOf(" "))));
  assert.equal(new Set(names).size, HOSTILE_PAIRS.length);
  assert.deepEqual(
    values,
    HOSTILE_PAIRS.map((_pair, index) => index + 1),
  );
});

test("writeExposition() agrees with the registry's own output", async () => {
  const registry = registryOf(hostileFamilies());
  const lines = (text: string) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  // prom-client puts `le` last too, and writes NaN in a way of its own.
  const own = (await registry.metrics()).replace(/ Nan$/m, " NaN");
  assert.deepEqual(lines(await textOf(registry)), lines(own));
});

test("writeExposition() writes prom-client's own metrics beside families", async () => {
  const registry = registryOf(hostileFamilies());
  new Counter({ name: "other_total", help: "Another.", labelNames: ["a"], registers: [registry] }).inc({ a: "b" }, 23);
  assert.match(
    await textOf(registry),
    /\n# HELP other_total Another\.\n# TYPE other_total counter\nother_total\{a="b"\} 23\n$/,
  );
});

test("writeExposition() follows a slot that begins another series", async () => {
  const key = { otlp: "who", label: "who" };
  const family = new ValueFamily("counter", {
    name: "weir.test",
    description: "A test.",
    unit: "",
    attributeKeys: [key],
  });
  const registry = registryOf([family]);
  const samples = async () => (await textOf(registry)).split("\n").filter((line) => line.startsWith("weir_test_total"));
  family.add(["first"], 1);
  assert.deepEqual(await samples(), ['weir_test_total{who="first"} 1']);
  family.remove(["first"]);
  assert.deepEqual(await samples(), []);
  family.add(["second"], 2);
  assert.deepEqual(await samples(), ['weir_test_total{who="second"} 2']);
});

test("writeExposition() writes every series once however large they are", async () => {
  const keys = [
    { otlp: "a", label: "a" },
    { otlp: "b", label: "b" },
  ];
  const options = { description: "A test.", unit: "", attributeKeys: keys, maxSeries: 10_007 };
  const counter = new ValueFamily("counter", { ...options, name: "weir.many" });
  for (let i = 0; i < 10_007; i++) counter.add([`${i}`, "x".repeat(i % 300)], i);
  // One label alone is larger than a chunk of output, and its histogram many times as large.
  const histogram = new HistogramFamily({ ...options, name: "weir.large" }, [1, 2, 3]);
  for (const letter of ["y", "z"]) histogram.record([letter, letter.repeat(100_000)], 2);
  const text = await textOf(registryOf([counter, histogram]));
  const many = text.split("\n").filter((line) => line.startsWith("weir_many_total{"));
  assert.deepEqual(
    many,
    Array.from({ length: 10_007 }, (_unused, i) => `weir_many_total{a="${i}",b="${"x".repeat(i % 300)}"} ${i}`),
  );
  const large = text.split("\n").filter((line) => line.startsWith("weir_large_"));
  assert.equal(large.length, 2 * 6);
  assert.ok(
    large.every((line) =>
      /^weir_large_(bucket|sum|count)\{a="(y|z)",b="\2{100000}"(,le="(1|2|3|\+Inf)")?\} [012]$/.test(line),
    ),
  );
});

test("writeExposition() rejects where the stream breaks, and can be called again", async () => {
  const family = new ValueFamily("counter", {
    name: "weir.test",
    description: "A test.",
    unit: "",
    attributeKeys: [{ otlp: "a", label: "a" }],
    maxSeries: 20_000,
  });
  for (let i = 0; i < 20_000; i++) family.add([`${i}`], i);
  const registry = registryOf([family]);
  let writes = 0;
  const stream = new Writable({
    // Takes the first chunk and then nothing more, so that the writer waits until the stream goes.
    write(_chunk, _encoding, done) {
      if (++writes === 1) done();
      else setImmediate(() => this.destroy(new Error("gone")));
    },
  });
  const written = writeExposition(registry, stream);
  await assert.rejects(written, /gone/);
  assert.equal((await textOf(registry)).split("\n").length, 20_000 + 3);
});
