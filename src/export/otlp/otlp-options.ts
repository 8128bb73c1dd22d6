import type { MetricSource } from "../../metrics/metric-source.ts";
import type { OtlpLog } from "./otlp-log.ts";
import type { OtlpConfig } from "./otlp-settings.ts";
import type { SpanChoice } from "./span-choice.ts";

/** What an export by OTLP is made from. */
export interface OtlpOptions {
  readonly source: MetricSource;
  readonly config: OtlpConfig;
  readonly spans: SpanChoice;
  /** Version of the agent. */
  readonly version: string;
  /** The agent's own resource, such as `k8s.node.name`; `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` go before it. */
  readonly resource?: Readonly<Record<string, string>>;
  readonly log?: OtlpLog;
  /** Clock in milliseconds since the Unix epoch. */
  readonly now?: () => number;
}
