import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { connectionSpan } from "../../../src/export/otlp/connection-span.ts";
import { resolveOtlp } from "../../../src/export/otlp/otlp-settings.ts";
import { SignalCounts } from "../../../src/export/otlp/signal-counts.ts";
import { SpanQueue } from "../../../src/export/otlp/span-queue.ts";
import { connectionEvent } from "./connection-event.ts";

const ENV = { OTEL_BSP_MAX_QUEUE_SIZE: "100", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10", OTEL_BSP_SCHEDULE_DELAY: "60000" };

test("SpanQueue accounts for every span: sent, failed or dropped", async () => {
  const settings = resolveOtlp({ endpoint: "http://collector:4318" }, ENV);
  assert.ok(settings);
  const counts = new SignalCounts("traces");
  const answers: ((result: ExportResult) => void)[] = [];
  const exporter = {
    export: (_spans: ReadableSpan[], done: (result: ExportResult) => void) => void answers.push(done),
    shutdown: async () => {},
  };
  const queue = new SpanQueue(exporter, settings, counts);
  const span = connectionSpan(connectionEvent(), resourceFromAttributes({}), { name: "weir" }, false);
  // The first ten leave at once as a batch and are not answered, so that the next hundred fill the queue.
  for (let i = 0; i < 137; i++) queue.onEnd(span);
  assert.equal(counts.itemsDropped, 137 - 110);
  answers[0]?.({ code: ExportResultCode.FAILED, error: new Error("away") });
  const flushed = queue.forceFlush();
  for (let i = 1; i < 11; i++) answers[i]?.({ code: ExportResultCode.SUCCESS });
  await flushed;
  assert.deepEqual(counts.reading(), {
    signal: "traces",
    batchesSent: 10,
    batchesFailed: 1,
    itemsSent: 100,
    itemsFailed: 10,
    itemsDropped: 27,
  });
  await queue.shutdown();
  queue.onEnd(span);
  assert.equal(counts.itemsDropped, 28);
});
