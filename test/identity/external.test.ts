import assert from "node:assert/strict";
import { test } from "node:test";
import { ExternalNames } from "../../src/identity/external.ts";
import { Interner } from "../../src/identity/interner.ts";
import { address } from "./address.ts";

const CLASSES: Record<string, string> = {
  "8.8.8.8": "public",
  "10.200.0.1": "private",
  "172.31.255.255": "private",
  "172.32.0.0": "public",
  "192.168.1.1": "private",
  "100.64.0.1": "private",
  "169.254.1.1": "link-local",
  "169.254.169.254": "metadata",
  "169.254.170.23": "metadata",
  "100.100.100.200": "metadata",
  "168.63.129.16": "metadata",
  "168.63.129.17": "public",
  "fd20:ce::254": "metadata",
  "fd00:ec2::254": "metadata",
  "224.0.0.251": "multicast",
  "255.255.255.255": "reserved",
  "2001:4860:4860::8888": "public",
  "fd12::1": "private",
  "fe80::1": "link-local",
  "ff02::fb": "multicast",
};

test("ExternalNames.answer() names addresses by class, and a private one may be translated to this host", () => {
  const names = new ExternalNames([], new Interner());
  for (const [text, workload] of Object.entries(CLASSES)) {
    const answer = names.answer(address(text));
    assert.deepEqual(answer.endpoint, { kind: "External", namespace: "", workload }, text);
    assert.equal(answer.maybeHere, workload === "private", text);
    assert.equal(answer.service, undefined);
  }
});

test("ExternalNames.answer() prefers configured networks, the longest first, to classes", () => {
  const networks = [
    { cidr: "10.0.0.0/7", name: "corp" },
    { cidr: "10.20.0.0/16", name: "branch" },
    { cidr: "2001:db8::/32", name: "partner" },
  ];
  const names = new ExternalNames(networks, new Interner());
  const expected = { "10.1.1.1": "corp", "10.20.1.1": "branch", "2001:db8::9": "partner", "192.168.0.1": "private" };
  for (const [text, workload] of Object.entries(expected)) {
    assert.equal(names.answer(address(text)).endpoint?.workload, workload, text);
  }
});

test("ExternalNames refuses a network it cannot read and names it", () => {
  assert.throws(() => new ExternalNames([{ cidr: "10.0.0.0/40", name: "x" }], new Interner()), /"10\.0\.0\.0\/40"/);
});
