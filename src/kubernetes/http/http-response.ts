import type { ByteSource } from "./byte-source.ts";
import type { ResponseHead } from "./response-parser.ts";

/** The connection that a response comes over. */
export interface Carrier {
  pause(): void;
  resume(): void;
  destroy(error: Error): void;
}

/** A response's head, and its body for who opens it. */
export class HttpResponse implements ByteSource {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #carrier: Carrier;
  /** What came while it was not to be handed over. */
  readonly #held: Buffer[] = [];
  #isPaused = true;
  /** All has come. */
  #isComplete = false;
  #error: Error | undefined;
  #onBytes = (_bytes: Buffer) => {};
  #onEnd = (_error?: Error) => {};

  constructor({ status, headers }: ResponseHead, carrier: Carrier) {
    this.status = status;
    this.headers = headers;
    this.#carrier = carrier;
  }

  open(onBytes: (bytes: Buffer) => void, onEnd: (error?: Error) => void): void {
    if (this.#error !== undefined) {
      onEnd(this.#error);
      return;
    }
    this.#onBytes = onBytes;
    this.#onEnd = onEnd;
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#isComing) this.#carrier.pause();
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && this.#held.length > 0) this.#onBytes(this.#held.shift() as Buffer);
    if (this.#isPaused || this.#error !== undefined) return;
    if (this.#isComplete) this.#end();
    else this.#carrier.resume();
  }

  destroy(error: Error): void {
    if (this.#isComing) this.#carrier.destroy(error);
    else this.fail(error);
  }

  /** Leaves the body where it is, and the connection to nobody. */
  discard(): void {
    this.destroy(new Error("nobody wants this answer"));
  }

  /** For the connection: a part of the body, valid during the call. */
  take(bytes: Buffer): void {
    if (this.#isPaused) this.#held.push(Buffer.from(bytes));
    else this.#onBytes(bytes);
  }

  /** For the connection: all has come. */
  complete(): void {
    this.#isComplete = true;
    if (!this.#isPaused) this.#end();
  }

  /** For the connection: no more will come. */
  fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#held.length = 0;
    this.#end(error);
  }

  #end(error?: Error): void {
    const onEnd = this.#onEnd;
    this.#onEnd = () => {};
    onEnd(error);
  }

  get #isComing(): boolean {
    return !this.#isComplete && this.#error === undefined;
  }
}
