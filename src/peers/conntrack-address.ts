import type { AddressWords } from "../identity/endpoint.ts";
import type { ConntrackAddress } from "../kernel/conntrack-tuples.ts";

/** An address as connection tracking is asked for it. */
export function tupleOf({ w0, w1, w2, w3 }: AddressWords): ConntrackAddress {
  return [w0, w1, w2, w3];
}

/** An address as connection tracking answers with it. */
export function wordsOf([w0, w1, w2, w3]: ConntrackAddress): AddressWords {
  return { w0, w1, w2, w3 };
}
