import { OtlpConfigError } from "./otlp-config-error.ts";

export type OtlpProtocol = "grpc" | "http/protobuf";
export type OtlpSignal = "metrics" | "traces";

/** What the configuration says about OTLP. What it leaves out is taken from `OTEL_*` variables, else the default. */
export interface OtlpConfig {
  /** Base URL, such as `http://collector:4317`; for `http/protobuf` the paths `/v1/metrics` and `/v1/traces` are added. */
  readonly endpoint?: string | undefined;
  readonly protocol?: OtlpProtocol | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How often metrics are sent. */
  readonly intervalMs?: number | undefined;
  readonly temporality?: "cumulative" | "delta" | undefined;
}

/** How one signal is exported. What is undefined is left to the exporter, which reads `OTEL_EXPORTER_OTLP_*` itself. */
export interface SignalSettings {
  readonly protocol: OtlpProtocol;
  readonly url: string | undefined;
}

/** What was decided about OTLP. A signal is undefined where it is off. */
export interface OtlpSettings {
  readonly metrics: SignalSettings | undefined;
  readonly traces: SignalSettings | undefined;
  readonly metricIntervalMs: number;
  readonly metricTimeoutMs: number;
  readonly spanQueueSize: number;
  readonly spanBatchSize: number;
  readonly spanDelayMs: number;
  readonly spanTimeoutMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Decides what is exported and where to. Undefined where nothing is: no endpoint is configured, or
 * `OTEL_SDK_DISABLED` is true. Needs no OpenTelemetry package. Throws `OtlpConfigError`.
 */
export function resolveOtlp(config: OtlpConfig, env: Environment): OtlpSettings | undefined {
  if (env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true") return undefined;
  const metrics = resolveSignal("metrics", config, env);
  const traces = resolveSignal("traces", config, env);
  if (metrics === undefined && traces === undefined) return undefined;
  const metricIntervalMs = config.intervalMs ?? positive(env, "OTEL_METRIC_EXPORT_INTERVAL", 60_000);
  const spanQueueSize = positive(env, "OTEL_BSP_MAX_QUEUE_SIZE", 16_384);
  return {
    metrics,
    traces,
    metricIntervalMs,
    metricTimeoutMs: Math.min(positive(env, "OTEL_METRIC_EXPORT_TIMEOUT", 30_000), metricIntervalMs),
    spanQueueSize,
    // About 1 KB a span: well below the 4 MiB that a Collector takes in one gRPC message.
    spanBatchSize: Math.min(positive(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1024), spanQueueSize),
    spanDelayMs: positive(env, "OTEL_BSP_SCHEDULE_DELAY", 2_000),
    spanTimeoutMs: positive(env, "OTEL_BSP_EXPORT_TIMEOUT", 30_000),
  };
}

function resolveSignal(signal: OtlpSignal, config: OtlpConfig, env: Environment): SignalSettings | undefined {
  const upper = signal.toUpperCase();
  if (text(env, `OTEL_${upper}_EXPORTER`)?.toLowerCase() === "none") return undefined;
  const endpointVariable = [`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`, "OTEL_EXPORTER_OTLP_ENDPOINT"].find(
    (name) => text(env, name) !== undefined,
  );
  const endpoint = config.endpoint ?? (endpointVariable === undefined ? undefined : text(env, endpointVariable));
  if (endpoint === undefined) return undefined;
  const protocol = config.protocol ?? protocolFrom(env, upper);
  checkEndpoint(endpoint, protocol, config.endpoint === undefined ? (endpointVariable ?? "") : "the OTLP endpoint");
  return { protocol, url: config.endpoint === undefined ? undefined : urlFor(config.endpoint, protocol, signal) };
}

function protocolFrom(env: Environment, upper: string): OtlpProtocol {
  for (const name of [`OTEL_EXPORTER_OTLP_${upper}_PROTOCOL`, "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
    const value = text(env, name);
    if (value === undefined) continue;
    if (value === "grpc" || value === "http/protobuf") return value;
    throw new OtlpConfigError(
      `Cannot export by OTLP: ${name} must be grpc or http/protobuf, current value is ${value}`,
    );
  }
  return "http/protobuf";
}

function checkEndpoint(endpoint: string, protocol: OtlpProtocol, what: string): void {
  // gRPC also takes `host:port`, and means TLS by it.
  const url = protocol === "grpc" && !/^[a-z]+:\/\//i.test(endpoint) ? `https://${endpoint}` : endpoint;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && (parsed.protocol === "http:" || parsed.protocol === "https:")) return;
  throw new OtlpConfigError(
    `Cannot export by OTLP: ${what} must be a URL such as http://collector:4318, current value is ${endpoint}`,
  );
}

function urlFor(endpoint: string, protocol: OtlpProtocol, signal: OtlpSignal): string {
  return protocol === "grpc" ? endpoint : `${endpoint.replace(/\/+$/, "")}/v1/${signal}`;
}

function positive(env: Environment, name: string, fallback: number): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new OtlpConfigError(`Cannot export by OTLP: ${name} must be a whole number above 0, current value is ${value}`);
}

function text(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}
