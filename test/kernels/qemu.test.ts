import assert from "node:assert/strict";
import { test } from "node:test";
import { qemuCommand } from "./qemu.ts";

test("qemuCommand() tells the guest where its disks belong, in their order, and what to run", () => {
  const command = qemuCommand({
    boot: { vmlinuz: "/k/vmlinuz", initrd: "/k/initrd" },
    parameters: ["one=1"],
    disks: {
      root: { image: "/i/root.img", mountPoint: "/" },
      tools: { image: "/i/tools.img", mountPoint: "/opt/tools" },
    },
    init: "/opt/tools/init.sh",
    cpus: 1,
    devices: ["-device", "virtio-serial-pci"],
  });
  const valuesOf = (flag: string) => command.flatMap((word, at) => (word === flag ? [command[at + 1]] : []));
  assert.match(
    valuesOf("-append")[0] ?? "",
    / weir\.disk=root:\/ weir\.disk=tools:\/opt\/tools weir\.init=\/opt\/tools\/init\.sh one=1$/,
  );
  // What a guest writes is thrown away: the images are shared.
  assert.deepEqual(valuesOf("-drive"), [
    "if=none,id=root,format=raw,snapshot=on,cache=unsafe,file=/i/root.img",
    "if=none,id=tools,format=raw,snapshot=on,cache=unsafe,file=/i/tools.img",
  ]);
  assert.deepEqual(valuesOf("-device"), [
    "virtio-blk-pci,drive=root,serial=root",
    "virtio-blk-pci,drive=tools,serial=tools",
    "virtio-serial-pci",
  ]);
  assert.deepEqual(valuesOf("-smp"), ["1"]);
});
