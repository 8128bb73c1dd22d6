import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { freePort } from "./free-port.ts";
import { type MetricPoint, parseMetrics, parseSpans, type Span } from "./otlp-json.ts";
import { Process } from "./process.ts";
import { ScratchDirectory } from "./scratch-directory.ts";
import { toolPath } from "./tools.ts";

export interface CollectorOptions {
  /** Where all its ports listen, default `127.0.0.1`. */
  readonly bindAddress?: string;
  /** Runs `service_graph` and `span_metrics` over the spans; what they make is read from `prometheusUrl`. Default false. */
  readonly connectors?: boolean;
  /** Resource attributes become labels at `prometheusUrl`. Default false. */
  readonly resourceLabels?: boolean;
}

/**
 * A real OpenTelemetry Collector: OTLP in over gRPC and HTTP with the default size limits, what arrives is written down request by
 * request. No batch processor stands between, so that the sender's own batches can be seen.
 */
export class Collector {
  /** For OTLP over gRPC without TLS: `http://ADDRESS:PORT`. */
  readonly grpcUrl: string;
  /** For OTLP over HTTP, without `/v1/…`. */
  readonly httpUrl: string;
  /** What the Prometheus exporter makes of the metrics: `http://ADDRESS:PORT/metrics`. */
  readonly prometheusUrl: string;
  readonly #ports: readonly number[];
  readonly #address: string;
  readonly #directory: ScratchDirectory;
  readonly #program: string;
  #process: Process | undefined;

  /** Returns when all three ports accept. Builds the Collector first where that was never done. */
  static async start(options: CollectorOptions = {}): Promise<Collector> {
    const program = await toolPath("collector", "otelcol");
    const { bindAddress = "127.0.0.1" } = options;
    const ports = [await freePort(bindAddress), await freePort(bindAddress), await freePort(bindAddress)];
    const collector = new Collector(program, bindAddress, ports, options);
    try {
      await collector.restart();
      return collector;
    } catch (error) {
      await collector.stop();
      throw error;
    }
  }

  private constructor(program: string, address: string, ports: readonly number[], options: CollectorOptions) {
    this.#program = program;
    this.#address = address;
    this.#ports = ports;
    this.#directory = new ScratchDirectory();
    const [grpc, http, prometheus] = ports.map((port) => `${address.includes(":") ? `[${address}]` : address}:${port}`);
    this.grpcUrl = `http://${grpc}`;
    this.httpUrl = `http://${http}`;
    this.prometheusUrl = `http://${prometheus}/metrics`;
    const file = (name: string) => ({
      path: this.#directory.file(name),
      format: "json",
      append: true,
      flush_interval: "20ms",
    });
    const connectors = options.connectors ? ["service_graph", "span_metrics"] : [];
    const config = {
      receivers: { otlp: { protocols: { grpc: { endpoint: grpc }, http: { endpoint: http } } } },
      exporters: {
        "file/metrics": file("metrics.jsonl"),
        "file/traces": file("traces.jsonl"),
        prometheus: {
          endpoint: prometheus,
          resource_to_telemetry_conversion: { enabled: options.resourceLabels ?? false },
        },
      },
      connectors: options.connectors
        ? {
            service_graph: { dimensions: ["service.namespace"], metrics_flush_interval: "1s", store: { ttl: "2s" } },
            span_metrics: { metrics_flush_interval: "1s", histogram: { unit: "s" } },
          }
        : {},
      service: {
        // Its own metrics would take port 8888, which only one Collector of a machine can have.
        telemetry: { metrics: { level: "none" } },
        pipelines: {
          metrics: { receivers: ["otlp"], exporters: ["file/metrics", "prometheus"] },
          traces: { receivers: ["otlp"], exporters: ["file/traces", ...connectors] },
          ...(options.connectors ? { "metrics/derived": { receivers: connectors, exporters: ["prometheus"] } } : {}),
        },
      },
    };
    // JSON is YAML.
    writeFileSync(this.#directory.file("config.yaml"), JSON.stringify(config, null, 2));
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** What the Collector wrote about itself, all runs. */
  log(): string {
    return this.#process?.log() ?? "";
  }

  /** Every metric data point received so far, also before restarts, in order of arrival. A point is here about 20 ms after its request was answered. */
  metrics(): MetricPoint[] {
    return parseMetrics(this.#read("metrics.jsonl"));
  }

  /** Every span received so far, also before restarts, in order of arrival. */
  spans(): Span[] {
    return parseSpans(this.#read("traces.jsonl"));
  }

  /** Number of metrics requests received so far. */
  metricsRequests(): number {
    return this.#read("metrics.jsonl").split("\n").length - 1;
  }

  /** Number of trace requests received so far. */
  traceRequests(): number {
    return this.#read("traces.jsonl").split("\n").length - 1;
  }

  /** Stops it where it runs and starts it again on the same ports; what was received stays. */
  async restart(): Promise<void> {
    await this.#process?.stop();
    const process = await Process.start({
      command: [this.#program, "--config", this.#directory.file("config.yaml")],
      logFile: this.#directory.file("otelcol.log"),
    });
    this.#process = process;
    const ready = async () => {
      for (const port of this.#ports) await accepts(port, this.#address);
      return true;
    };
    await process.waitUntil(ready, { what: "the Collector's ports", deadlineMs: 30_000 });
  }

  /** SIGKILL: senders see a refused connection until `restart()`. What arrived in the last 20 ms may be lost. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** SIGTERM, after which everything that was received is in the files; `restart()` brings it back. */
  async halt(): Promise<void> {
    await this.#process?.stop();
  }

  /** Ends it and removes every file: read what you need before. The second call does nothing. */
  async stop(): Promise<void> {
    await this.#process?.kill();
    this.#directory.remove();
  }

  #read(name: string): string {
    try {
      return readFileSync(this.#directory.file(name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  }
}

async function accepts(port: number, host: string): Promise<void> {
  const socket = connect({ port, host });
  try {
    await once(socket, "connect");
  } finally {
    socket.destroy();
  }
}
