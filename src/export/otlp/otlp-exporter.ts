import type { OtlpOptions } from "./otlp-options.ts";
import { resolveOtlp } from "./otlp-settings.ts";
import type { OtlpExporter } from "./running-export.ts";

/**
 * Starts the export by OTLP, or resolves to undefined where it is off: without an endpoint in the configuration or in
 * `OTEL_EXPORTER_OTLP_*ENDPOINT`, or with `OTEL_SDK_DISABLED`. OpenTelemetry's packages cost some 60 MB of memory, and
 * are loaded only where it is on. A Collector that is away is no error. Throws `OtlpConfigError`.
 */
export async function startOtlp(options: OtlpOptions): Promise<OtlpExporter | undefined> {
  const settings = resolveOtlp(options.config, process.env);
  if (settings === undefined) return undefined;
  const { runOtlp } = await import("./otlp-sdk.ts");
  return runOtlp(options, settings);
}
