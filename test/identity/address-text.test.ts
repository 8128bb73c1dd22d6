import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, parseAddress } from "../../src/identity/address-text.ts";
import { address } from "./address.ts";

test("parseAddress() reads IPv4 as IPv4-mapped words", () => {
  assert.deepEqual(parseAddress("10.1.2.3"), { w0: 0, w1: 0, w2: 0xffff, w3: 0x0a010203 });
  assert.deepEqual(parseAddress("255.255.255.255"), { w0: 0, w1: 0, w2: 0xffff, w3: 0xffffffff });
  assert.deepEqual(parseAddress("::ffff:10.1.2.3"), parseAddress("10.1.2.3"));
});

test("parseAddress() reads every way of writing IPv6", () => {
  const expected = { w0: 0x20010db8, w1: 0, w2: 0x00000001, w3: 0x00000002 };
  for (const text of ["2001:db8::1:0:2", "2001:DB8:0:0:0:1:0:2", "2001:db8::1:0.0.0.2"]) {
    assert.deepEqual(parseAddress(text), expected, text);
  }
  assert.deepEqual(parseAddress("::"), { w0: 0, w1: 0, w2: 0, w3: 0 });
  assert.deepEqual(parseAddress("fd00::"), { w0: 0xfd000000, w1: 0, w2: 0, w3: 0 });
  assert.deepEqual(parseAddress("::1"), { w0: 0, w1: 0, w2: 0, w3: 1 });
});

test("parseAddress() refuses what is no address", () => {
  for (const text of [
    "",
    "None",
    "10.1.2",
    "10.1.2.256",
    "1:2:3",
    "fe80::1%eth0",
    "::1::",
    " 10.1.2.3",
    "10.1.2.3\n",
  ]) {
    assert.equal(parseAddress(text), undefined, JSON.stringify(text));
  }
});

test("isLoopback() holds for loopback and the unspecified addresses alone", () => {
  for (const text of ["127.0.0.1", "127.255.1.2", "::1", "0.0.0.0", "::"])
    assert.equal(isLoopback(address(text)), true, text);
  for (const text of ["128.0.0.1", "0.0.0.1", "::2", "fe80::1", "10.0.0.1"])
    assert.equal(isLoopback(address(text)), false, text);
});
