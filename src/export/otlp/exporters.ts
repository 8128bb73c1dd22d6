import type { PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { OtlpConfig, SignalSettings } from "./otlp-settings.ts";

/** OpenTelemetry's `AggregationTemporalityPreference`, which only one of the exporters' packages exports. */
const TEMPORALITY = { delta: 0, cumulative: 1 } as const;

/** Loads and makes the metric exporter of the protocol. What `config` leaves out it reads from `OTEL_*` itself. */
export async function makeMetricExporter(settings: SignalSettings, config: OtlpConfig): Promise<PushMetricExporter> {
  const preference = config.temporality === undefined ? {} : { temporalityPreference: TEMPORALITY[config.temporality] };
  if (settings.protocol === "grpc") {
    const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-grpc");
    return new OTLPMetricExporter({ ...preference, ...(await grpcOptions(settings, config)) });
  }
  const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-proto");
  return new OTLPMetricExporter({ ...preference, ...httpOptions(settings, config) });
}

/** Loads and makes the span exporter of the protocol. What `config` leaves out it reads from `OTEL_*` itself. */
export async function makeSpanExporter(settings: SignalSettings, config: OtlpConfig): Promise<SpanExporter> {
  if (settings.protocol === "grpc") {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-grpc");
    return new OTLPTraceExporter(await grpcOptions(settings, config));
  }
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter(httpOptions(settings, config));
}

function httpOptions(settings: SignalSettings, config: OtlpConfig) {
  return {
    ...(settings.url === undefined ? {} : { url: settings.url }),
    ...(config.headers === undefined ? {} : { headers: { ...config.headers } }),
  };
}

async function grpcOptions(settings: SignalSettings, config: OtlpConfig) {
  const url = settings.url === undefined ? {} : { url: settings.url };
  if (config.headers === undefined) return url;
  const { Metadata } = await import("@grpc/grpc-js");
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(config.headers)) metadata.set(name, value);
  return { ...url, metadata };
}
