import assert from "node:assert/strict";
import { test } from "node:test";
import { cgroupMountOf } from "../../src/identity/cgroup-mount.ts";

const V2 = (root: string, path: string) =>
  `36 25 0:31 ${root} ${path} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate`;
const V1 = "37 25 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";

test("cgroupMountOf() finds the mount of a pure v2 host", () => {
  assert.deepEqual(cgroupMountOf(`22 1 8:1 / / rw - ext4 /dev/sda rw\n${V2("/", "/sys/fs/cgroup")}\n`), {
    path: "/sys/fs/cgroup",
    hasV1: false,
  });
});

test("cgroupMountOf() finds the v2 hierarchy of a hybrid host", () => {
  assert.deepEqual(cgroupMountOf(`${V1}\n${V2("/", "/sys/fs/cgroup/unified")}`), {
    path: "/sys/fs/cgroup/unified",
    hasV1: true,
  });
});

test("cgroupMountOf() knows of hosts without v2", () => {
  assert.deepEqual(cgroupMountOf(V1), { path: undefined, hasV1: true });
  assert.deepEqual(cgroupMountOf(""), { path: undefined, hasV1: false });
});

test("cgroupMountOf() prefers the mount that shows most", () => {
  const own = V2("/", "/sys/fs/cgroup");
  const host = V2("/../../..", "/host/cgroup");
  const part = V2("/kubepods", "/part");
  for (const text of [
    [own, host, part],
    [host, part, own],
    [part, own, host],
  ]) {
    assert.equal(cgroupMountOf(text.join("\n")).path, "/host/cgroup");
  }
  assert.equal(cgroupMountOf([part, own].join("\n")).path, "/sys/fs/cgroup");
});

test("cgroupMountOf() reads escaped paths", () => {
  assert.equal(cgroupMountOf(V2("/", "/mnt/a\\040b\\134c")).path, "/mnt/a b\\c");
});
