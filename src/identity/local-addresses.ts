import { parseAddress } from "./address-text.ts";
import type { AddressWords } from "./endpoint.ts";

/** The addresses that a network namespace answers to, from the text of its `fib_trie`: lines `|-- A.B.C.D` followed by `/32 host LOCAL`. */
export function ipv4LocalAddresses(fibTrie: string): AddressWords[] {
  const found = new Map<string, AddressWords>();
  let leaf = "";
  for (const line of fibTrie.split("\n")) {
    const text = line.trim();
    if (text.startsWith("|-- ")) leaf = text.slice(4);
    else if (text === "/32 host LOCAL" && !leaf.startsWith("127.") && !found.has(leaf)) {
      const address = parseAddress(leaf);
      if (address !== undefined) found.set(leaf, address);
    }
  }
  return [...found.values()];
}

const IF_INET6 = /^([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{8}) /;

/** The addresses in the text of `if_inet6`, without ::1 and link-local ones, which are the same in every namespace or mean nothing outside a link. */
export function ipv6LocalAddresses(ifInet6: string): AddressWords[] {
  const found: AddressWords[] = [];
  for (const line of ifInet6.split("\n")) {
    const words = IF_INET6.exec(line)?.slice(1);
    if (words === undefined) continue;
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words.map((hex) => Number.parseInt(hex, 16));
    const linkLocal = w0 >>> 22 === 0xfe80 >>> 6;
    const loopback = w0 === 0 && w1 === 0 && w2 === 0 && w3 === 1;
    if (!linkLocal && !loopback) found.push({ w0, w1, w2, w3 });
  }
  return found;
}
