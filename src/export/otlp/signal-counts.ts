import type { ExportReading } from "../../metrics/agent-readings.ts";
import type { OtlpLog } from "./otlp-log.ts";
import type { OtlpSignal } from "./otlp-settings.ts";

/** What happened to the requests and items of one signal so far. Items are metric points or spans. */
export class SignalCounts {
  readonly signal: OtlpSignal;
  readonly #log: OtlpLog | undefined;
  #isFailing = false;
  batchesSent = 0;
  batchesFailed = 0;
  itemsSent = 0;
  itemsFailed = 0;
  itemsDropped = 0;

  /** The log hears of the first failure and of the recovery, not of each request. */
  constructor(signal: OtlpSignal, log?: OtlpLog) {
    this.signal = signal;
    this.#log = log;
  }

  sent(items: number): void {
    this.batchesSent++;
    this.itemsSent += items;
    if (this.#isFailing) this.#log?.info({ signal: this.signal }, "OTLP: the receiver takes requests again");
    this.#isFailing = false;
  }

  failed(items: number, error: Error): void {
    this.batchesFailed++;
    this.itemsFailed += items;
    if (!this.#isFailing) this.#log?.warn({ signal: this.signal, err: error }, "OTLP: a request failed");
    this.#isFailing = true;
  }

  reading(): ExportReading {
    const { signal, batchesSent, batchesFailed, itemsSent, itemsFailed, itemsDropped } = this;
    return { signal, batchesSent, batchesFailed, itemsSent, itemsFailed, itemsDropped };
  }
}
