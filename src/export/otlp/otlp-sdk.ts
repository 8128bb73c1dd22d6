import type { InstrumentationScope } from "@opentelemetry/core";
import {
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from "@opentelemetry/resources";
import type { IMetricReader } from "@opentelemetry/sdk-metrics";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { makeMetricExporter, makeSpanExporter } from "./exporters.ts";
import { FamilyProducer } from "./family-producer.ts";
import type { OtlpLog } from "./otlp-log.ts";
import type { OtlpOptions } from "./otlp-options.ts";
import type { OtlpSettings } from "./otlp-settings.ts";
import { PageReader } from "./page-reader.ts";
import type { OtlpExporter } from "./running-export.ts";
import { SignalCounts } from "./signal-counts.ts";
import { SpanQueue } from "./span-queue.ts";
import { SpanSink } from "./span-sink.ts";
import { withTimeout } from "./with-timeout.ts";
import { WorkloadResources } from "./workload-resources.ts";

const SHUTDOWN_DEADLINE_MS = 5_000;

/** Starts OpenTelemetry's SDK. Apart from `startOtlp()` because this module loads its packages. */
export async function runOtlp(options: OtlpOptions, settings: OtlpSettings): Promise<OtlpExporter> {
  const { config, log, version } = options;
  const scope: InstrumentationScope = { name: "weir", version };
  const resource = resourceFromAttributes({
    "service.name": "weir",
    "service.version": version,
    ...options.resource,
  }).merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }));

  const counts: SignalCounts[] = [];
  const readers: IMetricReader[] = [];
  const processors: SpanQueue[] = [];
  let sink: SpanSink | undefined;
  if (settings.metrics !== undefined) {
    const exporter = await makeMetricExporter(settings.metrics, config);
    const metricCounts = new SignalCounts("metrics", log);
    const select = (instrument: Parameters<IMetricReader["selectAggregationTemporality"]>[0]) =>
      reader.selectAggregationTemporality(instrument);
    const producer = new FamilyProducer(options.source, scope, select, options.now);
    const reader = new PageReader(
      exporter,
      producer,
      metricCounts,
      settings.metricIntervalMs,
      settings.metricTimeoutMs,
    );
    counts.push(metricCounts);
    readers.push(reader);
  }
  if (settings.traces !== undefined && (options.spans.failed || options.spans.closed)) {
    const exporter = await makeSpanExporter(settings.traces, config);
    const spanCounts = new SignalCounts("traces", log);
    const queue = new SpanQueue(exporter, settings, spanCounts);
    sink = new SpanSink(queue, new WorkloadResources(resource.attributes), scope, options.spans);
    counts.push(spanCounts);
    processors.push(queue);
  }
  const sdk = new NodeSDK({
    resource,
    // Already detected above: workloads' spans need the result as well.
    autoDetectResources: false,
    metricReaders: readers,
    spanProcessors: processors,
    logRecordProcessors: [],
    textMapPropagator: null,
  });
  sdk.start();

  let closed: Promise<void> | undefined;
  return {
    connection: sink && ((event) => sink.connection(event)),
    stats: () => counts.map((count) => count.reading()),
    async forceFlush() {
      // Failures are counted where they happen.
      await Promise.allSettled([...readers, ...processors].map((part) => part.forceFlush()));
    },
    shutdown(deadlineMs = SHUTDOWN_DEADLINE_MS) {
      closed ??= withTimeout(sdk.shutdown(), deadlineMs).catch((error: Error) => warnOfLoss(log, error));
      return closed;
    },
  };
}

function warnOfLoss(log: OtlpLog | undefined, error: Error): void {
  log?.warn({ err: error }, "OTLP: the last values may not have arrived");
}
