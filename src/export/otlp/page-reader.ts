import { ExportResultCode } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import {
  type AggregationOption,
  type AggregationTemporality,
  AggregationType,
  type CollectionResult,
  type IMetricReader,
  type InstrumentType,
  type MetricProducer,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import type { FamilyProducer, MetricPage } from "./family-producer.ts";
import type { SignalCounts } from "./signal-counts.ts";
import { withTimeout } from "./with-timeout.ts";

/** After so many failed requests in a row the Collector is taken to be away until the next interval. */
const GIVE_UP_AFTER = 2;

/**
 * Exports a producer's pages at an interval, one request at a time.
 *
 * OpenTelemetry's own periodic reader makes all points before it splits them, which costs hundreds of bytes a series,
 * and does not tell a producer whether an export worked.
 */
export class PageReader implements IMetricReader {
  readonly #exporter: PushMetricExporter;
  readonly #producer: FamilyProducer;
  readonly #counts: SignalCounts;
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  #sdkProducer: MetricProducer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    exporter: PushMetricExporter,
    producer: FamilyProducer,
    counts: SignalCounts,
    intervalMs: number,
    timeoutMs: number,
  ) {
    this.#exporter = exporter;
    this.#producer = producer;
    this.#counts = counts;
    this.#intervalMs = intervalMs;
    this.#timeoutMs = timeoutMs;
  }

  /** Called by the SDK, whose producer knows the resource. Starts the interval. */
  setMetricProducer(producer: MetricProducer): void {
    if (this.#sdkProducer !== undefined) throw new Error("Cannot bind a metric reader: it is bound already");
    this.#sdkProducer = producer;
    this.#timer = setInterval(() => void (this.#running ?? this.#run()), this.#intervalMs).unref();
  }

  selectAggregation(): AggregationOption {
    return { type: AggregationType.DEFAULT };
  }

  selectAggregationTemporality(instrument: InstrumentType): AggregationTemporality {
    // The OTLP exporters all have the method; the interface leaves it open.
    return this.#exporter.selectAggregationTemporality?.(instrument) ?? 1;
  }

  selectCardinalityLimit(): number {
    return Number.POSITIVE_INFINITY;
  }

  async collect(): Promise<CollectionResult> {
    const { resourceMetrics, errors } = await this.#producer.collect();
    return { resourceMetrics: { ...resourceMetrics, resource: await this.#resource() }, errors };
  }

  /** Exports everything now, after what is under way. */
  async forceFlush(): Promise<void> {
    await this.#running;
    await this.#run();
    await this.#exporter.forceFlush();
  }

  /** Exports once more and closes the exporter. */
  shutdown(): Promise<void> {
    this.#closed ??= (async () => {
      clearInterval(this.#timer);
      await this.forceFlush();
      await this.#exporter.shutdown();
    })();
    return this.#closed;
  }

  /** One round over all pages. Never rejects: failures are counted. */
  #run(): Promise<void> {
    this.#running ??= this.#exportPages()
      .catch((error: unknown) => this.#counts.failed(0, error as Error))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #exportPages(): Promise<void> {
    const resource = await this.#resource();
    let failuresInARow = 0;
    for await (const page of this.#producer.pages()) {
      const error = await this.#export(resource, page);
      if (error === undefined) {
        page.commit();
        this.#counts.sent(page.points);
        failuresInARow = 0;
        continue;
      }
      this.#counts.failed(page.points, error);
      // The rest comes with the next interval: totals are still there, and deltas begin at what was last taken.
      if (++failuresInARow >= GIVE_UP_AFTER) return;
    }
  }

  async #export(resource: Resource, page: MetricPage): Promise<Error | undefined> {
    const exported = new Promise<Error | undefined>((resolve) => {
      this.#exporter.export({ resource, scopeMetrics: [page.scopeMetrics] }, (result) => {
        resolve(result.code === ExportResultCode.SUCCESS ? undefined : (result.error ?? new Error("export failed")));
      });
    });
    try {
      return await withTimeout(exported, this.#timeoutMs);
    } catch (error) {
      return error as Error;
    }
  }

  async #resource(): Promise<Resource> {
    if (this.#sdkProducer === undefined) throw new Error("Cannot export metrics: the reader is not bound to an SDK");
    const { resource } = (await this.#sdkProducer.collect()).resourceMetrics;
    if (resource.asyncAttributesPending) await resource.waitForAsyncAttributes?.();
    return resource;
  }
}
