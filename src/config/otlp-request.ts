const ENDPOINT_VARIABLES = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
] as const;

/** Whether anything asks for OTLP: `otlp.endpoint`, or an endpoint in OpenTelemetry's own variables. */
export function isOtlpRequested(
  endpoint: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (environment["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return false;
  return endpoint !== undefined || ENDPOINT_VARIABLES.some((name) => (environment[name] ?? "") !== "");
}
