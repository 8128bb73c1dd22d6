import { z } from "zod";
import { parseByteSize } from "./byte-size.ts";
import { parseDurationMs } from "./duration.ts";

/** How the text of a flag or a variable becomes a value: what YAML does for a file. */
export type OptionKind = "text" | "integer" | "boolean" | "switch" | "list" | "map";

/** What help and documentation say of an option besides its description. */
export interface OptionFacts {
  readonly kind: OptionKind;
  /** What may be written, such as `100ms .. 10m` or `client | both`. */
  readonly range: string;
  readonly unit: string;
  /** The default as one would write it; where there is none, what happens instead. */
  readonly defaultText: string;
}

/** Facts of every option's schema, found again by `options.ts`. */
export const optionFacts = z.registry<OptionFacts>();

interface Bounded {
  readonly default: string;
  readonly min: string;
  readonly max: string;
  readonly description: string;
}

/** A duration; its value is in milliseconds. */
export function durationOption(option: Bounded) {
  return optional({ ...option, defaultText: option.default }).prefault(option.default);
}

/** A duration without a default; its value is in milliseconds. `defaultText` says what happens without it. */
export function optionalDurationOption(option: Omit<Bounded, "default"> & { readonly defaultText: string }) {
  return optional(option).optional();
}

function optional({ min, max, description, defaultText }: Omit<Bounded, "default"> & { defaultText: string }) {
  const minMs = parseDurationMs(min) ?? Number.NaN;
  const maxMs = parseDurationMs(max) ?? Number.NaN;
  return z
    .string({ error: "needs a duration with its unit, such as 250ms, 10s or 15m" })
    .regex(/^\d+(\.\d+)?(ms|s|m|h)$/, {
      error: "needs a duration with its unit, such as 250ms, 10s or 15m",
      abort: true,
    })
    .describe(description)
    .register(optionFacts, { kind: "text", range: `${min} .. ${max}`, unit: "duration", defaultText })
    .transform((text) => parseDurationMs(text) ?? Number.NaN)
    .refine((valueMs) => valueMs >= minMs && valueMs <= maxMs, { error: `needs ${min} to ${max}` });
}

/** A size that must be a power of two; its value is in bytes. */
export function powerOfTwoSizeOption(option: Bounded) {
  const { min, max, description, default: defaultText } = option;
  const minBytes = parseByteSize(min) ?? Number.NaN;
  const maxBytes = parseByteSize(max) ?? Number.NaN;
  return z
    .string({ error: "needs a size with its unit, such as 512KiB or 8MiB" })
    .regex(/^\d+(B|KiB|MiB|GiB)$/, { error: "needs a size with its unit, such as 512KiB or 8MiB", abort: true })
    .describe(description)
    .register(optionFacts, { kind: "text", range: `${min} .. ${max}, a power of two`, unit: "size", defaultText })
    .transform((text) => parseByteSize(text) ?? Number.NaN)
    .refine((bytes) => bytes >= minBytes && bytes <= maxBytes && Number.isInteger(Math.log2(bytes)), {
      error: `needs a power of two, ${min} to ${max}`,
    })
    .prefault(defaultText);
}

/** A whole number. */
export function integerOption(option: {
  default: number;
  min: number;
  max: number;
  unit: string;
  description: string;
}) {
  const { min, max, unit, description } = option;
  const error = `needs a whole number, ${min} to ${max}`;
  const schema = z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
  return schema
    .describe(description)
    .register(optionFacts, { kind: "integer", range: `${min} .. ${max}`, unit, defaultText: `${option.default}` })
    .prefault(option.default);
}

/** `true` or `false`. */
export function booleanOption(option: { default: boolean; description: string }) {
  return z
    .boolean({ error: "needs true or false" })
    .describe(option.description)
    .register(optionFacts, { kind: "boolean", range: "true | false", unit: "", defaultText: `${option.default}` })
    .prefault(option.default);
}

/** `auto`, `true` or `false`. */
export function switchOption(option: { description: string }) {
  return z
    .union([z.literal("auto"), z.boolean()], { error: "needs auto, true or false" })
    .describe(option.description)
    .register(optionFacts, { kind: "switch", range: "auto | true | false", unit: "", defaultText: "auto" })
    .prefault("auto");
}

/** One of a few words. */
export function choiceOption<const Words extends readonly [string, ...string[]]>(option: {
  words: Words;
  default: NoInfer<Words[number]>;
  description: string;
}) {
  return words(option.words, option.default, option.description).prefault(option.default as never);
}

/** One of a few words, or nothing. `defaultText` says what happens without it. */
export function optionalChoiceOption<const Words extends readonly [string, ...string[]]>(option: {
  words: Words;
  defaultText: string;
  description: string;
}) {
  return words(option.words, option.defaultText, option.description).optional();
}

function words<const Words extends readonly [string, ...string[]]>(allowed: Words, defaultText: string, about: string) {
  return z
    .enum(allowed, { error: `needs one of ${allowed.join(", ")}` })
    .describe(about)
    .register(optionFacts, { kind: "text", range: allowed.join(" | "), unit: "", defaultText });
}

/** Any text that is not empty, with a default. */
export function textOption(option: { default: string; range: string; description: string }) {
  return text(option.range, option.default, option.description).prefault(option.default);
}

/** Any text that is not empty, or nothing. `defaultText` says what happens without it. */
export function optionalTextOption(option: { defaultText: string; range: string; description: string }) {
  return text(option.range, option.defaultText, option.description).optional();
}

function text(range: string, defaultText: string, description: string) {
  const error = `needs ${range}`;
  return z
    .string({ error })
    .min(1, { error })
    .describe(description)
    .register(optionFacts, { kind: "text", range, unit: "", defaultText });
}
