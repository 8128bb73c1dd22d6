import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { KernelCgroups, type KernelCgroupsOptions } from "../../src/identity/kernel-cgroups.ts";
import { eventually } from "./eventually.ts";
import { Hierarchy, NewsRig } from "./node-news.ts";

const UID = "2f1c8d6e-7a3b-4c5d-9e8f-0a1b2c3d4e5f";
const OUTER_UID = "3f1c8d6e-7a3b-4c5d-9e8f-0a1b2c3d4e5f";
const ID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

function rig(t: TestContext, options: Partial<KernelCgroupsOptions> = {}) {
  const [source, hierarchy, version, time] = [new NewsRig(), new Hierarchy(), new AnswerVersion(), { nowMs: 1 }];
  const clock = () => time.nowMs;
  const cgroups = new KernelCgroups({ source, rootPath: "/", clock, version, ...options });
  t.after(() => cgroups.shutdown());
  return { cgroups, source, hierarchy, version, time };
}

test("KernelCgroups.lookup() knows the cgroups of all processes, and a new one as soon as it is asked for", async (t) => {
  const { cgroups, source, hierarchy, version } = rig(t);
  source.all = hierarchy.process(7, `/kubepods/burstable/pod${UID}/${ID}`, "/", 1);
  await cgroups.start();
  assert.deepEqual(cgroups.lookup(hierarchy.id(`/kubepods/burstable/pod${UID}/${ID}`))?.place, {
    podUid: UID,
    containerId: ID,
    runtime: undefined,
    machine: undefined,
    unit: undefined,
  });
  assert.equal(cgroups.lookup(1n)?.path, "/");
  const path = "/system.slice/short.service";
  source.fresh = [...hierarchy.made(path), hierarchy.gone(path)];
  assert.equal(cgroups.lookup(hierarchy.id(path))?.place.unit, "short.service", "it lived and died unseen");
  assert.equal(version.value, 1, "nobody was told otherwise");
  assert.equal(cgroups.lookup(999n), undefined);
  assert.equal(cgroups.stats().misses, 2);
});

test("KernelCgroups grows the version when a cgroup that was asked for becomes known", (t) => {
  const { cgroups, source, hierarchy, version } = rig(t);
  const id = hierarchy.id("/late");
  assert.equal(cgroups.lookup(id), undefined);
  source.fresh = hierarchy.made("/late");
  assert.equal(cgroups.lookup(id)?.path, "/late");
  assert.equal(version.value, 2);
});

test("KernelCgroups.lookup() reads paths from the node's root, so that what is above it names nothing", (t) => {
  const rootPath = `/kubepods/pod${OUTER_UID}/${ID}/docker/${ID.replace("01", "88")}`;
  const { cgroups, source, hierarchy } = rig(t, { rootPath });
  const inner = `${rootPath}/kubepods/pod${UID}/${ID.replace("01", "99")}`;
  source.fresh = [...hierarchy.made(inner), ...hierarchy.made(`/kubepods/pod${OUTER_UID}/other`)];
  assert.equal(cgroups.lookup(hierarchy.id(inner))?.place.podUid, UID);
  assert.deepEqual(cgroups.lookup(hierarchy.id(rootPath))?.path, "/");
  assert.equal(cgroups.lookup(hierarchy.id(`/kubepods/pod${OUTER_UID}/other`))?.place.podUid, undefined);
});

test("KernelCgroups forgets what is gone after the grace time, and sooner where there are too many", (t) => {
  const { cgroups, source, hierarchy, time } = rig(t, { graceMs: 1000, maxCgroups: 3 });
  source.fresh = [...hierarchy.made("/a"), hierarchy.gone("/a")];
  assert.equal(cgroups.lookup(hierarchy.id("/a"))?.path, "/a");
  time.nowMs += 1001;
  assert.equal(cgroups.lookup(999n), undefined);
  assert.equal(cgroups.lookup(hierarchy.id("/a")), undefined);
  source.fresh = [...hierarchy.made("/b"), ...hierarchy.made("/c"), hierarchy.gone("/b"), ...hierarchy.made("/d")];
  assert.equal(cgroups.lookup(hierarchy.id("/d"))?.path, "/d");
  assert.equal(cgroups.lookup(hierarchy.id("/b")), undefined, "gone first");
  source.fresh = hierarchy.made("/e");
  assert.equal(cgroups.lookup(hierarchy.id("/e")), undefined);
  assert.equal(cgroups.stats().budgetRefusals, 1);
  assert.equal(cgroups.stats().cgroups, 3);
});

test("KernelCgroups looks at all processes again when news were lost", async (t) => {
  const { cgroups, source, hierarchy } = rig(t);
  await cgroups.start();
  source.all = hierarchy.process(7, "/missed", "/", 1);
  source.lostNews = 2;
  assert.equal(cgroups.lookup(hierarchy.id("/missed")), undefined);
  await eventually("the look", () => cgroups.lookup(hierarchy.id("/missed"))?.path === "/missed");
  assert.equal(source.looks, 2);
  assert.equal(cgroups.stats().lostNews, 2);
});

test("KernelCgroups survives a kernel that cannot be asked", async (t) => {
  const { cgroups, source } = rig(t);
  source.news = () => {
    throw new Error("closed");
  };
  source.processes = () => Promise.reject(new Error("closed"));
  await cgroups.start();
  assert.equal(cgroups.lookup(5n), undefined);
  assert.equal(cgroups.stats().failures, 2);
});
