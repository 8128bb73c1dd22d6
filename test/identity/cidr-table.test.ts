import assert from "node:assert/strict";
import { test } from "node:test";
import { CidrTable } from "../../src/identity/cidr-table.ts";
import { address } from "./address.ts";

function table(networks: Record<string, number>): CidrTable<number> {
  const cidrs = new CidrTable<number>();
  for (const [cidr, value] of Object.entries(networks)) cidrs.set(cidr, value);
  return cidrs;
}

test("CidrTable.match() answers by the longest prefix", () => {
  const cidrs = table({ "10.0.0.0/8": 8, "10.1.0.0/16": 16, "10.1.2.0/23": 23, "10.1.2.3": 32, "0.0.0.0/0": 0 });
  const expected = { "10.9.9.9": 8, "10.1.9.9": 16, "10.1.3.255": 23, "10.1.2.3": 32, "10.1.4.0": 16, "200.1.1.1": 0 };
  for (const [text, value] of Object.entries(expected)) assert.equal(cidrs.match(address(text)), value, text);
});

test("CidrTable keeps IPv4 and IPv6 apart", () => {
  const cidrs = table({ "::/0": 6, "fd00:1::/32": 32, "fd00:1::/33": 33 });
  assert.equal(cidrs.match(address("10.0.0.1")), undefined);
  assert.equal(cidrs.match(address("2001:db8::1")), 6);
  assert.equal(cidrs.match(address("fd00:1::1")), 33);
  assert.equal(cidrs.match(address("fd00:1:ffff::1")), 32);
  assert.equal(cidrs.match(address("fd00:1:7fff::1")), 33);
  assert.equal(table({ "0.0.0.0/0": 4 }).match(address("::1")), undefined);
});

test("CidrTable.set() clears host bits", () => {
  assert.equal(table({ "192.168.7.9/16": 1 }).match(address("192.168.200.1")), 1);
});

test("CidrTable.set() refuses what is no network and names it", () => {
  for (const cidr of [
    "",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "fd00::/129",
    "ten/8",
    "10.0.0.0/-1",
    "10.0.0.0/08x",
  ]) {
    assert.throws(
      () => table({ [cidr]: 1 }),
      (error: Error) => error instanceof RangeError && error.message.includes(JSON.stringify(cidr)),
    );
  }
});
