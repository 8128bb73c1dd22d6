import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PATIENCE } from "../rig/slowness.ts";
import { Lab } from "./lab.ts";
import { findLeftovers } from "./leftovers.ts";
import { Shop } from "./shop.ts";

test("Shop opens on both nodes, serves from outside, and closes", async () => {
  await using lab = await Lab.up();
  const shop = await Shop.open(lab);
  const get = (path: string) => lab.outside.mustRun(["curl", "-s", `http://10.98.0.12:30080${path}`]);
  assert.equal(await get("/"), "shop");
  assert.equal(await get("/cart"), "cart");
  const redis = lab.pods.find((pod) => pod.name === "redis-0");
  const carts = async () => Number(await redis?.mustRun("app", ["redis-cli", "get", "carts"]));
  const before = await carts();
  const deadline = performance.now() + 20_000 * PATIENCE;
  // Payment is open for most of the time, but not always.
  while ((await get("/checkout")) !== "paid" || (await carts()) <= before) {
    assert.ok(performance.now() < deadline, "no payment and no cart in time");
    await delay(50);
  }
  await shop.close();
  await lab.down();
  assert.deepEqual(await findLeftovers(), { namespaces: [], processes: [], cgroups: [] });
});
