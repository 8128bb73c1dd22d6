import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { TextWriter } from "./text-writer.ts";

const CHUNK_BYTES = 64 * 1024;
const CHUNKS = 4;

/**
 * A few chunks of output that take turns: one is filled while the stream works off the others. That bounds the memory
 * of a scrape, however slow its reader is. The stream must be done with the bytes of a write when it calls back, as
 * sockets and zlib are, and a `PassThrough` is not.
 */
export class ChunkRing {
  readonly #stream: Writable;
  readonly #spare: TextWriter[] = [];
  readonly #finished: Promise<void>;
  #made = 1;
  #current = new TextWriter(CHUNK_BYTES);
  #wake: (() => void) | undefined;
  #error: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    this.#finished = finished(stream, { readable: false });
    this.#finished.catch((error: Error) => this.#fail(error));
  }

  /** The chunk to write to. */
  get current(): TextWriter {
    return this.#current;
  }

  /** Sends the current chunk and waits for one with room for `space` bytes. Rejects where the stream is broken. */
  async advance(space: number): Promise<void> {
    this.#send();
    while (this.#spare.length === 0 && this.#made >= CHUNKS && this.#error === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#error !== undefined) throw this.#error;
    const spare = this.#spare.pop();
    if (spare === undefined) this.#made++;
    this.#current = spare ?? new TextWriter(CHUNK_BYTES);
    if (this.#current.room < space) this.#current = new TextWriter(space);
  }

  async text(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    if (this.#current.room < bytes.length) await this.advance(bytes.length);
    this.#current.copy(bytes, 0, bytes.length);
  }

  /** Sends the rest and waits until the stream has taken everything. */
  async end(): Promise<void> {
    this.#send();
    this.#stream.end();
    await this.#finished;
  }

  #send(): void {
    const chunk = this.#current;
    if (chunk.length === 0) {
      this.#spare.push(chunk);
      return;
    }
    // The bytes may be read until the callback comes: only then the chunk can be filled again.
    this.#stream.write(chunk.bytes.subarray(0, chunk.length), (error) => {
      if (error) this.#fail(error);
      chunk.length = 0;
      this.#spare.push(chunk);
      this.#wake?.();
    });
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }
}
