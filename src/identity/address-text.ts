import { isIPv4, isIPv6 } from "node:net";
import type { AddressWords } from "./endpoint.ts";

/** Third word of every IPv4 address, which is kept as IPv4-mapped IPv6. */
export const IPV4_MAPPED = 0xffff;

/** Reads an address as people and API servers write it; undefined where the text is none. Zones (`%eth0`) are refused. */
export function parseAddress(text: string): AddressWords | undefined {
  if (isIPv4(text)) return { w0: 0, w1: 0, w2: IPV4_MAPPED, w3: ipv4Word(text) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const halves = text.split("::");
  const head = groups(halves[0] ?? "");
  const tail = halves.length === 2 ? groups(halves[1] ?? "") : [];
  const gap = new Array<number>(8 - head.length - tail.length).fill(0);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = [...head, ...gap, ...tail];
  return { w0: word(a, b), w1: word(c, d), w2: word(e, f), w3: word(g, h) };
}

/** Whether the words are an IPv4 address. */
export function isIpv4Words(address: AddressWords): boolean {
  return address.w0 === 0 && address.w1 === 0 && address.w2 === IPV4_MAPPED;
}

/** 127.0.0.0/8, ::1, and the unspecified addresses, which Linux connects to loopback. */
export function isLoopback(address: AddressWords): boolean {
  if (address.w0 !== 0 || address.w1 !== 0) return false;
  if (address.w2 === IPV4_MAPPED) return address.w3 >>> 24 === 127 || address.w3 === 0;
  return address.w2 === 0 && address.w3 >>> 0 <= 1;
}

/** The 16-bit groups of one side of `::`; a dotted tail is two groups. */
function groups(side: string): number[] {
  if (side === "") return [];
  return side.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const ipv4 = ipv4Word(group);
    return [ipv4 >>> 16, ipv4 & 0xffff];
  });
}

function ipv4Word(text: string): number {
  return text.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

function word(high: number, low: number): number {
  return high * 65536 + low;
}
