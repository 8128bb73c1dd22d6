import { z } from "zod";
import { optionFacts } from "./option-types.ts";

/** Where a server listens. `host` is empty for every address of this machine. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const FORM = /^(?:\[([0-9A-Fa-f:.]+)\]|([^[\]:\s]*)):(\d{1,5})$/;
const RANGE = "HOST:PORT, [IPV6]:PORT or :PORT, port 0 to 65535";

/** An address and port to listen on, such as `127.0.0.1:9464`, `[::1]:9464` or `:9464`. */
export function listenOption(option: { readonly default: string; readonly description: string }) {
  const error = `needs ${RANGE}`;
  return z
    .string({ error })
    .regex(FORM, { error, abort: true })
    .describe(option.description)
    .register(optionFacts, { kind: "text", range: RANGE, unit: "", defaultText: option.default })
    .transform(parseListenAddress)
    .refine(({ port }) => port <= 65_535, { error })
    .prefault(option.default);
}

function parseListenAddress(text: string): ListenAddress {
  const [, ipv6, host, port] = FORM.exec(text) ?? [];
  return { host: ipv6 ?? host ?? "", port: Number(port) };
}
