import { z } from "zod";
import { OPTIONS } from "./option.ts";
import { configSchema } from "./schema.ts";

/** The part of a JSON Schema that is rewritten here. */
interface SchemaNode {
  description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

/** The configuration file's format as a JSON Schema (draft 2020-12), for editors and charts. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: "input" });
  for (const { path, range, defaultText, description } of OPTIONS) {
    const node = path
      .split(".")
      .reduce<SchemaNode | undefined>((at, key) => at?.properties?.[key], schema as SchemaNode);
    if (node === undefined) throw new Error(`Cannot describe ${path}: the JSON Schema has no such property`);
    // A schema cannot say the range of a duration or size, nor a default that is worked out.
    node.description = `${description} Range: ${range}. Default: ${defaultText}.`;
  }
  return { $schema, title: "Weir's configuration", ...schema };
}
