import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOfCgroup } from "../../src/identity/container-path.ts";
import { HostNames } from "../../src/identity/host-names.ts";
import { Interner } from "../../src/identity/interner.ts";

const ID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const CASES: readonly [path: string | undefined, comm: string, kind: string, workload: string][] = [
  [`/system.slice/docker-${ID}.scope`, "nginx", "Container", "0123456789ab"],
  ["/lxc.payload.web", "nginx", "Container", "web"],
  ["/system.slice/nginx.service", "nginx", "Unit", "nginx.service"],
  ["/system.slice/a\nb.service", "nginx", "Unit", "a‹U+000A›b.service"],
  ["/user.slice/user-1000.slice/session-3.scope", "curl", "Process", "curl"],
  ["/init.scope", "systemd", "Process", "systemd"],
  ["/", "sshd", "Process", "sshd"],
  [undefined, 'my "app"\n', "Process", 'my "app"‹U+000A›'],
  ["/", "", "Process", "(unnamed)"],
];

for (const [path, comm, kind, workload] of CASES) {
  test(`HostNames.endpoint() of ${JSON.stringify(path)} and ${JSON.stringify(comm)} is ${kind}`, () => {
    const place = path === undefined ? undefined : placeOfCgroup(path);
    const names = new HostNames(new Interner());
    assert.deepEqual(names.endpoint(place, comm), { kind, namespace: "", workload });
    assert.equal(names.endpoint(place, comm), names.endpoint(place, comm));
  });
}

test("HostNames gives out a bounded number of names and counts the rest", () => {
  const names = new HostNames(new Interner(), 100);
  const given = new Set(Array.from({ length: 1000 }, (_, index) => names.endpoint(undefined, `p${index}`)));
  assert.equal(given.size, 101);
  assert.equal(names.refusals, 900);
  assert.equal(names.endpoint(undefined, "p5").workload, "p5");
  assert.equal(names.endpoint(undefined, "late").workload, "(other)");
  assert.equal(
    names.endpoint(placeOfCgroup("/system.slice/x.service"), "").workload,
    "x.service",
    "units have room of their own",
  );
});
