import { z } from "zod";
import { optionFacts } from "./option-types.ts";

const LABEL = /^[a-z][a-z0-9_]{0,62}$/;
/** What `client_` and `server_` stand before already. */
const TAKEN: ReadonlySet<string> = new Set([
  ...["namespace", "workload", "kind", "service", "port", "zone", "region", "node", "pod", "address"],
]);
/** Kubernetes' own rule: an optional DNS prefix, and a name. */
const KEY = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** A map from label names to keys of Kubernetes' labels or annotations; in a variable or flag `NAME=KEY,NAME=KEY`. */
export function labelKeysOption(option: { readonly description: string }) {
  return z
    .record(
      z
        .string()
        .regex(LABEL, { error: "needs lower-case letters, digits and _, such as team", abort: true })
        .refine((name) => !TAKEN.has(name), { error: `needs a name that is not one of ${[...TAKEN].join(", ")}` }),
      z.string({ error: "needs a key" }).regex(KEY, { error: "needs a key, such as example.com/team" }),
      { error: "needs a map from names to keys" },
    )
    .describe(option.description)
    .register(optionFacts, { kind: "map", range: "NAME=KEY,…", unit: "", defaultText: "none" })
    .prefault({});
}
