import assert from "node:assert/strict";
import { test } from "node:test";
import { type CgroupPlace, placeOfCgroup } from "../../src/identity/container-path.ts";

const ID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER_ID = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const UID = "2f1c8d6e-7a3b-4c5d-9e8f-0a1b2c3d4e5f";
const SLICE_UID = UID.replaceAll("-", "_");
const HASH = "8f14e45fceea167a5a36dedd4bea2543";

const PATHS: readonly [path: string, expected: Partial<CgroupPlace>][] = [
  // systemd driver
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${SLICE_UID}.slice/cri-containerd-${ID}.scope`,
    { podUid: UID, containerId: ID, runtime: "containerd" },
  ],
  [
    `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${SLICE_UID}.slice/crio-${ID}.scope`,
    { podUid: UID, containerId: ID, runtime: "crio" },
  ],
  [
    `/kubepods.slice/kubepods-pod${SLICE_UID}.slice/docker-${ID}.scope`,
    { podUid: UID, containerId: ID, runtime: "docker" },
  ],
  [
    `/kubepods.slice/kubepods-pod${SLICE_UID}.slice/crio-${ID}.scope/container`,
    { podUid: UID, containerId: ID, runtime: "crio" },
  ],
  [`/kubepods.slice/kubepods-pod${SLICE_UID}.slice/crio-conmon-${ID}.scope`, { podUid: UID }],
  [`/kubepods.slice/kubepods-pod${SLICE_UID}.slice`, { podUid: UID }],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${HASH}.slice/cri-containerd-${ID}.scope`,
    { podUid: HASH, containerId: ID, runtime: "containerd" },
  ],
  [
    `/system.slice/containerd.service/kubepods-burstable-pod${SLICE_UID}.slice:cri-containerd:${ID}`,
    { podUid: UID, containerId: ID, runtime: "containerd" },
  ],
  // cgroupfs driver
  [`/kubepods/burstable/pod${UID}/${ID}`, { podUid: UID, containerId: ID }],
  [`/kubepods/pod${UID}/${ID}`, { podUid: UID, containerId: ID }],
  [`/kubepods/besteffort/pod${UID}/crio-${ID}`, { podUid: UID, containerId: ID, runtime: "crio" }],
  [`/kubepods/burstable/pod${HASH}/${ID}`, { podUid: HASH, containerId: ID }],
  [`/kubepods/burstable/pod${UID}`, { podUid: UID }],
  // below other prefixes
  [
    `/docker/${OTHER_ID}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${SLICE_UID}.slice/cri-containerd-${ID}.scope`,
    { podUid: UID, containerId: ID, runtime: "containerd" },
  ],
  [
    `/system.slice/docker-${OTHER_ID}.scope/kubelet/kubepods/burstable/pod${UID}/${ID}`,
    { podUid: UID, containerId: ID },
  ],
  [`/k8s-n1/kubepods/besteffort/pod${UID}/${ID}`, { podUid: UID, containerId: ID }],
  [`/../../../burstable/pod${UID}/${ID}`, { podUid: UID, containerId: ID }],
  [`/kubepods/burstable/pod${UID}/${ID} (deleted)`, { podUid: UID, containerId: ID }],
  // what a container makes inside its own directory does not count
  [`/kubepods/burstable/pod${UID}/${ID}/docker/${OTHER_ID}`, { podUid: UID, containerId: ID }],
  [`/kubepods/pod${UID}/${ID}/pod${UID.replace("2f", "00")}/${OTHER_ID}`, { podUid: UID, containerId: ID }],
  [`/kubepods/burstable/pod${UID}/${ID}/system.slice/nginx.service`, { podUid: UID, containerId: ID }],
  // containers without Kubernetes
  [`/docker/${ID}`, { containerId: ID, runtime: "docker" }],
  [`/system.slice/docker-${ID}.scope`, { containerId: ID, runtime: "docker" }],
  [`/system.slice/docker-${ID}.scope/init.scope`, { containerId: ID, runtime: "docker" }],
  [`/docker/${ID}/docker/${OTHER_ID}`, { containerId: ID, runtime: "docker" }],
  [`/machine.slice/libpod-${ID}.scope/container`, { containerId: ID, runtime: "podman" }],
  [`/libpod_parent/libpod-${ID}`, { containerId: ID, runtime: "podman" }],
  [`/machine.slice/libpod-conmon-${ID}.scope`, {}],
  [
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope`,
    { containerId: ID, runtime: "podman" },
  ],
  [`/system.slice/nerdctl-${ID}.scope`, { containerId: ID, runtime: "containerd" }],
  [`/system.slice:docker:${ID}`, { containerId: ID, runtime: "docker" }],
  ["/lxc.payload.web-1/system.slice/nginx.service", { machine: "web-1" }],
  ["/lxc/web-1", { machine: "web-1" }],
  ["/lxc.monitor.web-1", {}],
  ["/machine.slice/machine-web.scope/payload", { machine: "web" }],
  // systemd
  ["/system.slice/nginx.service", { unit: "nginx.service" }],
  ["/system.slice/system-getty.slice/getty@tty1.service", { unit: "getty@tty1.service" }],
  [
    "/system.slice/system-dbus.slice/dbus-:1.3-org.freedesktop.problems@0.service",
    { unit: "dbus-:1.3-org.freedesktop.problems@0.service" },
  ],
  ["/system.slice/foo.service/worker", { unit: "foo.service" }],
  ["/user.slice/user-1000.slice/session-3.scope", {}],
  ["/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", {}],
  ["/init.scope", {}],
  ["/system.slice", {}],
  ["/system.slice/run-r1234.scope", {}],
  ["/", {}],
  ["", {}],
  // almost
  [`/docker/${ID.slice(1)}`, {}],
  [`/docker/${ID.toUpperCase()}`, {}],
  [`/kubepods/pod${UID.slice(1)}`, {}],
  [`/kubepods/pod${UID}x`, {}],
  ["/podinfo/pod", {}],
];

for (const [path, expected] of PATHS) {
  test(`placeOfCgroup() reads ${path}`, () => {
    const nowhere = {
      podUid: undefined,
      containerId: undefined,
      runtime: undefined,
      machine: undefined,
      unit: undefined,
    };
    assert.deepEqual(placeOfCgroup(path), { ...nowhere, ...expected });
  });
}

test("placeOfCgroup() survives 50 000 random paths made of real pieces", () => {
  const pieces = [
    "/",
    "kubepods",
    ".slice",
    `pod${UID}`,
    SLICE_UID,
    "pod",
    ID,
    "-",
    ":",
    "cri-containerd",
    "docker",
    ".scope",
  ];
  pieces.push(
    ".service",
    "user.slice",
    "lxc",
    "machine-",
    "..",
    "\n",
    "\udc80",
    "",
    " (deleted)",
    "☃",
    "x".repeat(300),
  );
  let state = 99;
  for (let run = 0; run < 50_000; run += 1) {
    let path = "";
    for (let count = 0; count < 8; count += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      path += pieces[(state >>> 8) % pieces.length];
    }
    const { podUid, containerId, unit, machine } = placeOfCgroup(path);
    assert.match(podUid ?? UID, /^[0-9a-f-]{32,36}$/, path);
    assert.match(containerId ?? ID, /^[0-9a-f]{64}$/, path);
    assert.ok(unit === undefined || path.includes(unit), path);
    assert.ok(machine === undefined || (machine !== "" && podUid === undefined && containerId === undefined), path);
  }
});

test("placeOfCgroup() takes linear time on long names", () => {
  // A test of the shape of the work, not of the clock: quadratic patterns would need hours for this.
  const long = `/${"machine-".repeat(20_000)}/${"a-".repeat(100_000)}pod`;
  assert.equal(placeOfCgroup(long).podUid, undefined);
});
