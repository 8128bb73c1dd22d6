import { parseAddress } from "../../src/identity/address-text.ts";
import type { AddressWords } from "../../src/identity/endpoint.ts";

/** The words of an address that the test wrote itself. */
export function address(text: string): AddressWords {
  const words = parseAddress(text);
  if (words === undefined) throw new TypeError(`${text} is no address`);
  return words;
}
