import { isIP } from "node:net";
import { z } from "zod";
import { optionFacts } from "./option-types.ts";

/** A name for a range of addresses. */
export interface NamedCidr {
  /** `10.0.0.0/8` or `2001:db8::/32`; bits after the prefix are not looked at. */
  readonly cidr: string;
  readonly name: string;
}

const cidrError = "needs ADDRESS/BITS, such as 10.0.0.0/8 or 2001:db8::/32";
const nameError = "needs a name";

/** A list of named address ranges; in a variable or flag `CIDR=NAME,CIDR=NAME`. */
export function cidrsOption(option: { readonly description: string }) {
  return z
    .array(
      z.strictObject({
        cidr: z.string({ error: cidrError }).refine(isCidr, { error: cidrError }),
        name: z.string({ error: nameError }).min(1, { error: nameError }),
      }),
      { error: "needs a list of {cidr, name}" },
    )
    .describe(option.description)
    .register(optionFacts, { kind: "list", range: "CIDR=NAME,…", unit: "", defaultText: "none" })
    .prefault([]);
}

/** What `CIDR=NAME,CIDR=NAME` says. A part without `=` gets no name, which the schema then refuses. */
export function parseCidrList(text: string): Partial<NamedCidr>[] {
  return text.split(",").map((part) => {
    const [cidr = "", name] = part.split(/=(.*)/s).map((side) => side.trim());
    return name === undefined ? { cidr } : { cidr, name };
  });
}

function isCidr(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  const maxBits = family === 4 ? 32 : 128;
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits ?? "") && Number(bits) <= maxBits;
}
