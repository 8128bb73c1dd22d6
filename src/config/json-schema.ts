import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The configuration file's format as a JSON Schema (draft 2020-12), for editors and charts. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: "input" });
  return { $schema, title: "Weir's configuration", ...schema };
}
