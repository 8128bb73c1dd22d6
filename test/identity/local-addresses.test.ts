import assert from "node:assert/strict";
import { test } from "node:test";
import { ipv4LocalAddresses, ipv6LocalAddresses } from "../../src/identity/local-addresses.ts";
import { address } from "./address.ts";

const FIB_TRIE = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 192.0.2.0/24 2 0 2
        +-- 192.0.2.0/30 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
              /32 link UNICAST
        |-- 192.0.2.255
           /32 link BROADCAST
        |-- 10.244.1.1
           /24 link UNICAST
           /32 host LOCAL
Local:
     |-- 192.0.2.2
        /32 host LOCAL
`;

test("ipv4LocalAddresses() reads the local addresses once each, without loopback", () => {
  assert.deepEqual(ipv4LocalAddresses(FIB_TRIE), [address("192.0.2.2"), address("10.244.1.1")]);
});

test("ipv6LocalAddresses() reads global addresses", () => {
  const text = `00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 04 40 00 82     eth0
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
20010db8000000010000000000000abc 05 40 00 80     eth1
`;
  assert.deepEqual(ipv6LocalAddresses(text), [address("fd00::2"), address("2001:db8:0:1::abc")]);
});

test("local address parsers survive any text", () => {
  for (const text of [
    "",
    "|-- ",
    "|-- x\n/32 host LOCAL",
    "/32 host LOCAL",
    "zz 01",
    FIB_TRIE.slice(0, 300),
    "\0\n\n",
  ]) {
    assert.ok(ipv4LocalAddresses(text).length <= 1);
    assert.deepEqual(ipv6LocalAddresses(text), []);
  }
});
