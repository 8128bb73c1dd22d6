import { z } from "zod";
import { optionFacts } from "./option-types.ts";

// RFC 9110: a field name is a token; a value is visible characters and spaces.
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;

/** A map of HTTP headers; in a variable or flag `NAME=VALUE,NAME=VALUE`. */
export function headersOption(option: { readonly defaultText: string; readonly description: string }) {
  return z
    .record(
      z.string().regex(NAME, { error: "needs an HTTP header's name" }),
      z.string({ error: "needs text" }).regex(VALUE, { error: "needs visible ASCII characters" }),
      { error: "needs a map from header names to values" },
    )
    .describe(option.description)
    .register(optionFacts, { kind: "map", range: "NAME=VALUE,…", unit: "", defaultText: option.defaultText })
    .optional();
}

/** What `NAME=VALUE,NAME=VALUE` says; undefined where a part has no `=`. */
export function parseHeaders(text: string): Record<string, string> | undefined {
  const entries = text.split(",").map((part) => part.split(/=(.*)/s).map((side) => side.trim()));
  if (entries.some(([name, value]) => !name || value === undefined)) return undefined;
  return Object.fromEntries(entries.map(([name = "", value = ""]) => [name, value]));
}
