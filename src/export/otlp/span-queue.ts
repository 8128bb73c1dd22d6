import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from "@opentelemetry/sdk-trace";
import type { OtlpSettings } from "./otlp-settings.ts";
import type { SignalCounts } from "./signal-counts.ts";

/**
 * OpenTelemetry's batch processor, with every span accounted for: sent, failed, or dropped because the queue was full.
 * The processor itself drops in silence.
 */
export class SpanQueue implements SpanProcessor {
  readonly #processor: BatchSpanProcessor;
  readonly #capacity: number;
  readonly #counts: SignalCounts;
  #queued = 0;
  #isClosed = false;

  constructor(exporter: SpanExporter, settings: OtlpSettings, counts: SignalCounts) {
    this.#capacity = settings.spanQueueSize;
    this.#counts = counts;
    this.#processor = new BatchSpanProcessor({
      exporter: this.#counted(exporter),
      maxQueueSize: settings.spanQueueSize,
      maxExportBatchSize: settings.spanBatchSize,
      scheduledDelayMillis: settings.spanDelayMs,
      exportTimeoutMillis: settings.spanTimeoutMs,
    });
  }

  /** Nothing here starts spans: they come complete. */
  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#isClosed || this.#queued >= this.#capacity) {
      this.#counts.itemsDropped++;
      return;
    }
    this.#queued++;
    this.#processor.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#processor.forceFlush();
  }

  shutdown(): Promise<void> {
    this.#isClosed = true;
    return this.#processor.shutdown();
  }

  /** Sees each batch leave the queue, and how it ends. */
  #counted(exporter: SpanExporter): SpanExporter {
    return {
      export: (spans: ReadableSpan[], done: (result: ExportResult) => void) => {
        this.#queued -= spans.length;
        exporter.export(spans, (result) => {
          if (result.code === ExportResultCode.SUCCESS) this.#counts.sent(spans.length);
          else this.#counts.failed(spans.length, result.error ?? new Error("export failed"));
          done(result);
        });
      },
      forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
      shutdown: () => exporter.shutdown(),
    };
  }
}
