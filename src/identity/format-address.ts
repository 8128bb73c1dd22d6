import { isIpv4Words } from "./address-text.ts";
import type { AddressWords } from "./endpoint.ts";

/** An address as people write it: dotted for IPv4, RFC 5952 for IPv6. Allocates: not for hot paths. */
export function formatAddress(address: AddressWords): string {
  const { w0, w1, w2, w3 } = address;
  if (isIpv4Words(address)) return [w3 >>> 24, (w3 >>> 16) & 255, (w3 >>> 8) & 255, w3 & 255].join(".");
  const groups = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  const text = groups.map((group) => group.toString(16)).join(":");
  // the longest run of two or more zero groups, the first of equals, becomes ::
  const runs = [...text.matchAll(/(?<=^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const run = runs[0];
  if (run === undefined) return text;
  const head = text.slice(0, run.index).replace(/:$/, "");
  const tail = text.slice(run.index + run[0].length).replace(/^:/, "");
  return `${head}::${tail}`;
}
