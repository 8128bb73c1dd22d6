import { AddressTable } from "./address-table.ts";
import { IPV4_MAPPED, isIpv4Words, parseAddress } from "./address-text.ts";
import type { AddressWords } from "./endpoint.ts";

/** A network: its address, and how many leading bits of the 128 count (an IPv4 prefix is 96 longer). */
interface Network {
  readonly address: AddressWords;
  readonly bits: number;
}

/** Networks of one prefix length. */
interface Level<T extends object | number | boolean> {
  readonly bits: number;
  readonly table: AddressTable<T>;
}

/** A map from networks to values; the longest prefix answers. Lookups allocate nothing. */
export class CidrTable<T extends object | number | boolean> {
  // Apart, because ::/0 is not meant to hold the IPv4 addresses that are written as ::ffff:0:0/96 here.
  readonly #ipv4: Level<T>[] = [];
  readonly #ipv6: Level<T>[] = [];

  /** Throws a `RangeError` that names the text where it is no CIDR. The last value of equal networks stays. */
  set(cidr: string, value: T): void {
    const { address, bits } = parseCidr(cidr);
    const levels = isIpv4Words(address) && bits >= 96 ? this.#ipv4 : this.#ipv6;
    let level = levels.find((candidate) => candidate.bits === bits);
    if (level === undefined) {
      level = { bits, table: new AddressTable<T>() };
      levels.push(level);
      levels.sort((a, b) => b.bits - a.bits);
    }
    level.table.set(address, value);
  }

  match(address: AddressWords): T | undefined {
    const levels = isIpv4Words(address) ? this.#ipv4 : this.#ipv6;
    for (let index = 0; index < levels.length; index += 1) {
      const level = levels[index];
      if (level === undefined) break;
      const { bits, table } = level;
      const found = table.find(
        address.w0 & mask(bits),
        address.w1 & mask(bits - 32),
        address.w2 & mask(bits - 64),
        address.w3 & mask(bits - 96),
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** Reads `10.0.0.0/8` or `fd00::/8`; host bits are cleared, and a bare address is a network of one. */
function parseCidr(cidr: string): Network {
  const [text = "", length, ...rest] = cidr.split("/");
  const address = parseAddress(text);
  const width = text.includes(":") ? 128 : 32;
  const prefix = length === undefined ? width : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (address === undefined || rest.length > 0 || !(prefix <= width)) {
    throw new RangeError(
      `Cannot read a network: ADDRESS/LENGTH such as 10.0.0.0/8 is needed, current value is ${JSON.stringify(cidr)}`,
    );
  }
  const bits = width === 32 ? prefix + 96 : prefix;
  return {
    bits,
    address: {
      w0: (address.w0 & mask(bits)) >>> 0,
      w1: (address.w1 & mask(bits - 32)) >>> 0,
      w2: width === 32 ? IPV4_MAPPED : (address.w2 & mask(bits - 64)) >>> 0,
      w3: (address.w3 & mask(bits - 96)) >>> 0,
    },
  };
}

/** The leading `bits` of a word, as a signed mask; fewer than 1 is none, more than 31 is all. */
function mask(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}
