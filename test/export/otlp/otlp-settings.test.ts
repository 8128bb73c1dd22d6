import assert from "node:assert/strict";
import { test } from "node:test";
import { OtlpConfigError } from "../../../src/export/otlp/otlp-config-error.ts";
import { resolveOtlp } from "../../../src/export/otlp/otlp-settings.ts";

test("resolveOtlp() is off without an endpoint, and where OpenTelemetry is disabled", () => {
  assert.equal(resolveOtlp({}, {}), undefined);
  assert.equal(resolveOtlp({ protocol: "grpc" }, { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }), undefined);
  assert.equal(resolveOtlp({ endpoint: "http://collector:4318" }, { OTEL_SDK_DISABLED: "True" }), undefined);
  const none = { OTEL_METRICS_EXPORTER: "none", OTEL_TRACES_EXPORTER: "none" };
  assert.equal(resolveOtlp({ endpoint: "http://collector:4318" }, none), undefined);
});

test("resolveOtlp() makes each signal's URL of the configured endpoint", () => {
  const http = resolveOtlp({ endpoint: "http://collector:4318/base/" }, {});
  assert.deepEqual(http?.metrics, { protocol: "http/protobuf", url: "http://collector:4318/base/v1/metrics" });
  assert.deepEqual(http?.traces, { protocol: "http/protobuf", url: "http://collector:4318/base/v1/traces" });
  const grpc = resolveOtlp({ endpoint: "http://collector:4317", protocol: "grpc" }, {});
  assert.deepEqual(grpc?.metrics, { protocol: "grpc", url: "http://collector:4317" });
});

test("resolveOtlp() leaves endpoints from variables to the exporters, for one signal alone too", () => {
  const both = resolveOtlp({}, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" });
  assert.deepEqual(both?.traces, { protocol: "http/protobuf", url: undefined });
  const env = { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "collector:4317", OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "grpc" };
  const metrics = resolveOtlp({}, env);
  assert.deepEqual(metrics?.metrics, { protocol: "grpc", url: undefined });
  assert.equal(metrics?.traces, undefined);
});

test("resolveOtlp() takes intervals and queues from variables, and clamps what cannot be longer", () => {
  const settings = resolveOtlp(
    { endpoint: "http://collector:4318" },
    { OTEL_METRIC_EXPORT_INTERVAL: "5000", OTEL_BSP_MAX_QUEUE_SIZE: "100", OTEL_BSP_SCHEDULE_DELAY: "250" },
  );
  assert.equal(settings?.metricIntervalMs, 5000);
  assert.equal(settings?.metricTimeoutMs, 5000);
  assert.equal(settings?.spanQueueSize, 100);
  assert.equal(settings?.spanBatchSize, 100);
  assert.equal(settings?.spanDelayMs, 250);
  assert.equal(resolveOtlp({ endpoint: "http://c:1", intervalMs: 7000 }, {})?.metricIntervalMs, 7000);
});

test("resolveOtlp() names the value that cannot work", () => {
  const endpoint = "http://collector:4318";
  const cases: readonly (readonly [object, Record<string, string>, RegExp])[] = [
    [{ endpoint: "collector" }, {}, /the OTLP endpoint must be a URL .* current value is collector/],
    [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://x" }, /OTEL_EXPORTER_OTLP_ENDPOINT must be a URL .* ftp:\/\/x/],
    [{ endpoint }, { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }, /OTEL_EXPORTER_OTLP_PROTOCOL .* http\/json/],
    [{ endpoint }, { OTEL_METRIC_EXPORT_INTERVAL: "soon" }, /OTEL_METRIC_EXPORT_INTERVAL .* soon/],
    [{ endpoint }, { OTEL_BSP_MAX_QUEUE_SIZE: "0" }, /OTEL_BSP_MAX_QUEUE_SIZE .* 0/],
  ];
  for (const [config, env, message] of cases) {
    assert.throws(
      () => resolveOtlp(config, env),
      (error: unknown) => error instanceof OtlpConfigError && message.test(error.message),
    );
  }
});
