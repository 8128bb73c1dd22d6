import type { z } from "zod";
import type { ConfigProblem } from "./config-error.ts";
import type { configSchema } from "./schema.ts";
import type { Setting } from "./setting.ts";

/** Settings that were made but would have no effect, or contradict another. Defaults never do. */
export function findVoidSettings(
  config: z.output<typeof configSchema>,
  settings: ReadonlyMap<string, Setting>,
  otlpRequested: boolean,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const refuse = (path: string, reason: string) => {
    const setting = settings.get(path);
    if (setting !== undefined) problems.push({ source: setting.source, message: `${path} ${reason}` });
  };

  if (!otlpRequested) {
    for (const path of ["otlp.protocol", "otlp.interval", "otlp.temporality", "otlp.headers"]) {
      refuse(path, "has no effect without otlp.endpoint");
    }
    if (config.kubernetes.serviceLabels) refuse("kubernetes.serviceLabels", "has no effect without otlp.endpoint");
    if (config.spans.failed) refuse("spans.failed", "has no effect without otlp.endpoint");
    if (config.spans.closed) refuse("spans.closed", "has no effect without otlp.endpoint");
    // Only OTEL_SDK_DISABLED can get here with an endpoint.
    refuse("otlp.endpoint", "has no effect while OTEL_SDK_DISABLED is true");
  }
  for (const name of Object.keys(config.labels.podAnnotations)) {
    if (name in config.labels.podLabels) refuse("labels.podAnnotations", `has a name of labels.podLabels: ${name}`);
  }
  if (config.kubernetes.enabled === false) {
    const { zone, region, node, pod, podLabels, podAnnotations } = config.labels;
    const chosen = { zone, region, node, pod, podLabels: hasKeys(podLabels), podAnnotations: hasKeys(podAnnotations) };
    for (const [key, isChosen] of Object.entries(chosen)) {
      if (isChosen) refuse(`labels.${key}`, "has no effect while kubernetes.enabled is false");
    }
    refuse("kubernetes.kubeconfig", "has no effect while kubernetes.enabled is false");
    refuse("kubernetes.context", "has no effect while kubernetes.enabled is false");
    if (config.kubernetes.serviceLabels)
      refuse("kubernetes.serviceLabels", "has no effect while kubernetes.enabled is false");
    if (config.kubernetes.jobs) refuse("kubernetes.jobs", "has no effect while kubernetes.enabled is false");
    if (config.kubernetes.replicaSets)
      refuse("kubernetes.replicaSets", "has no effect while kubernetes.enabled is false");
  }
  if (config.flows.drainIntervalMs > config.flows.sweepIntervalMs) {
    const path = settings.has("flows.drainInterval") ? "flows.drainInterval" : "flows.sweepInterval";
    refuse(path, "does not fit: flows.drainInterval must not exceed flows.sweepInterval");
  }
  if (config.flows.idleExpiryMs < config.flows.sweepIntervalMs) {
    const path = settings.has("flows.idleExpiry") ? "flows.idleExpiry" : "flows.sweepInterval";
    refuse(path, "does not fit: flows.idleExpiry must not be shorter than flows.sweepInterval");
  }
  return problems;
}

function hasKeys(map: object): boolean {
  return Object.keys(map).length > 0;
}
