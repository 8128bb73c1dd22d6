import { parseCidrList } from "./cidr.ts";
import { parseHeaders } from "./headers.ts";
import type { Option } from "./option.ts";

/** A value that one source gives to one option, before it is checked. */
export interface Setting {
  /** The option's path, such as `flows.sweepInterval`. */
  readonly path: string;
  readonly value: unknown;
  /** Where it was said: `flag --listen`, `environment WEIR_LISTEN`, `weir.yaml:4`. */
  readonly source: string;
}

/** The value that a flag's or variable's text stands for; text that is none stays text, for the schema to refuse. */
export function settingValue(option: Option, text: string): unknown {
  switch (option.kind) {
    case "integer":
      return /^\d+$/.test(text) ? Number(text) : text;
    case "boolean":
    case "switch":
      return text === "true" ? true : text === "false" ? false : text;
    case "list":
      return parseCidrList(text);
    case "map":
      return parseHeaders(text) ?? text;
    case "text":
      return text;
  }
}
