import type { z } from "zod";
import { type OptionKind, optionFacts } from "./option-types.ts";
import { configSchema } from "./schema.ts";

/** One setting, with its names in every source. */
export interface Option {
  /** In the file, with dots: `flows.sweepInterval`. */
  readonly path: string;
  /** `--flows.sweep-interval` */
  readonly flag: string;
  /** `WEIR_FLOWS_SWEEP_INTERVAL` */
  readonly variable: string;
  readonly kind: OptionKind;
  readonly range: string;
  readonly unit: string;
  readonly defaultText: string;
  readonly description: string;
}

/** Every setting, in the schema's order. */
export const OPTIONS: readonly Option[] = [...leaves(configSchema, "")];

/** The wrappers that zod puts around a schema: optional, prefault, transform, refine. */
interface WrapperDef {
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
}

function* leaves(schema: z.ZodType, path: string): Generator<Option> {
  const facts = optionFacts.get(schema);
  if (facts !== undefined) {
    yield { ...namesOf(path), ...facts, description: schema.description ?? "" };
    return;
  }
  const { shape, innerType, in: input } = schema._zod.def as WrapperDef;
  if (shape !== undefined) {
    for (const [key, child] of Object.entries(shape)) yield* leaves(child, path === "" ? key : `${path}.${key}`);
    return;
  }
  const inner = innerType ?? input;
  if (inner === undefined) throw new Error(`Cannot list options: ${path} has no facts registered`);
  yield* leaves(inner, path);
}

function namesOf(path: string): { path: string; flag: string; variable: string } {
  const dashed = path.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return { path, flag: `--${dashed}`, variable: `WEIR_${dashed.replaceAll(/[.-]/g, "_").toUpperCase()}` };
}
