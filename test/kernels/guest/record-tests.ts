import type { TestEvent } from "node:test/reporters";

/** One test, as a line of JSON. */
export interface TestRecord {
  readonly name: string;
  readonly file: string | undefined;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly durationMs: number;
  /** Why it was skipped, or the first line of the error. */
  readonly reason: string | undefined;
}

/** A reporter for `node --test`: a `TestRecord` a line. */
// biome-ignore lint/style/noDefaultExport: Node takes a reporter from its module's default export.
export default async function* recordTests(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { name, file, details, skip, todo } = event.data;
    const excuse = skip ?? todo;
    // Of a suite, only what its tests do not show: that it was skipped, or failed before or after them.
    const ownFailure = event.type === "test:fail" && failureType(event.data.details.error) !== "subtestsFailed";
    if (details.type === "suite" && excuse === undefined && !ownFailure) continue;
    const record: TestRecord = {
      name,
      file,
      outcome: excuse !== undefined ? "skipped" : event.type === "test:pass" ? "passed" : "failed",
      durationMs: details.duration_ms,
      reason:
        typeof excuse === "string"
          ? excuse
          : event.type === "test:fail"
            ? String(event.data.details.error.cause ?? event.data.details.error.message).split("\n")[0]
            : undefined,
    };
    yield `${JSON.stringify(record)}\n`;
  }
}

function failureType(error: Error): unknown {
  return (error as { failureType?: unknown }).failureType;
}
