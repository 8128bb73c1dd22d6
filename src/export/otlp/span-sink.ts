import type { InstrumentationScope } from "@opentelemetry/core";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import type { ConnectionEvent } from "../../flows/connection-event.ts";
import { connectionSpan } from "./connection-span.ts";
import type { SpanChoice } from "./span-choice.ts";
import type { WorkloadResources } from "./workload-resources.ts";

/** Endpoints that no agent sees from inside. */
const UNOBSERVED: ReadonlySet<string> = new Set(["External", "Unknown", "Node"]);

/** Turns connections that ended into spans. */
export class SpanSink {
  readonly #processor: SpanProcessor;
  readonly #resources: WorkloadResources;
  readonly #scope: InstrumentationScope;
  readonly #choice: SpanChoice;

  constructor(processor: SpanProcessor, resources: WorkloadResources, scope: InstrumentationScope, choice: SpanChoice) {
    this.#processor = processor;
    this.#resources = resources;
    this.#scope = scope;
    this.#choice = choice;
  }

  /** Takes every connection and makes a span of those that were chosen. Never blocks: a full queue is counted. */
  connection(event: ConnectionEvent): void {
    const isChosen = event.failure === undefined ? this.#choice.closed : this.#choice.failed;
    if (!isChosen) return;
    const own = event.observer === "client" ? event.client : event.server;
    // A server's span is made where no agent sees the client, unless both ends are asked for.
    const hasClientSpan = this.#choice.bothEnds && !UNOBSERVED.has(event.client.kind);
    this.#processor.onEnd(connectionSpan(event, this.#resources.of(own, event.ownPod), this.#scope, hasClientSpan));
  }
}
