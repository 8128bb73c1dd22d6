import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

test("cached() makes a thing once, and removes others of its name that nobody has used for a week", async (t) => {
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  process.env["XDG_CACHE_HOME"] = directory.path;
  const { cached, keyOf } = await import("./kernel-cache.ts");
  const kept = directory.file("weir/kernels");
  mkdirSync(kept, { recursive: true });
  const [old, recent, now] = ["old", "recent", "now"].map((part) => `root-${keyOf(part)}`) as [string, string, string];
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
  for (const [name, days] of [
    [old, 8],
    [recent, 6],
    [`roots-${keyOf("old")}`, 8],
  ] as const) {
    writeFileSync(`${kept}/${name}`, "");
    utimesSync(`${kept}/${name}`, daysAgo(days), daysAgo(days));
  }

  let makes = 0;
  const make = async (path: string) => {
    makes++;
    mkdirSync(path);
    // As an archive does that sets the times of what it unpacks.
    utimesSync(path, daysAgo(1000), daysAgo(1000));
  };
  assert.equal(await cached("root", keyOf("now"), make), `${kept}/${now}`);
  assert.deepEqual(readdirSync(kept).sort(), [now, recent, `roots-${keyOf("old")}`].sort());
  assert.equal(await cached("root", keyOf("now"), make), `${kept}/${now}`);
  assert.equal(makes, 1);

  // Using one of another key takes nothing away that is in use.
  await cached("root", keyOf("next"), make);
  assert.ok(readdirSync(kept).includes(now));
});
