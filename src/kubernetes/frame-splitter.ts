import { ByteQueue } from "./byte-queue.ts";
import { DecodeError } from "./decode-error.ts";
import { MAX_OBJECT_BYTES, MAX_SKIPPED_BYTES, type OnTooLarge } from "./list-decoder.ts";

const HEADER_BYTES = 4;

/** Cuts a watch stream into its frames: each a big-endian 32-bit length, then that many bytes. */
export class FrameSplitter {
  readonly #onFrame: (bytes: Buffer, start: number, end: number) => void;
  readonly #onTooLarge: OnTooLarge;
  readonly #queue = new ByteQueue();
  /** Bytes still to come of a frame that is left out. */
  #skipLeft = 0;
  #frames = 0;

  /** `onFrame` gets each frame's bytes, valid during the call; `onTooLarge` the size of each that is left out. */
  constructor(onFrame: (bytes: Buffer, start: number, end: number) => void, onTooLarge: OnTooLarge) {
    this.#onFrame = onFrame;
    this.#onTooLarge = onTooLarge;
  }

  /** Frames that arrived completely, those left out included. */
  get frames(): number {
    return this.#frames;
  }

  /** Whether a frame has begun whose rest has not arrived. */
  get isInFrame(): boolean {
    return this.#queue.length > 0 || this.#skipLeft > 0;
  }

  /** Throws DecodeError where a frame is larger than anything that an API server would send. */
  push(chunk: Uint8Array): void {
    const queue = this.#queue;
    queue.push(this.#skip(chunk));
    while (queue.length >= HEADER_BYTES) {
      const length = queue.bytes.readUInt32BE(queue.start);
      if (length > MAX_OBJECT_BYTES) {
        this.#leaveOut(length);
        continue;
      }
      if (queue.length < HEADER_BYTES + length) return;
      const start = queue.start + HEADER_BYTES;
      queue.consume(HEADER_BYTES + length);
      this.#frames++;
      this.#onFrame(queue.bytes, start, start + length);
    }
  }

  #leaveOut(length: number): void {
    if (length > MAX_SKIPPED_BYTES) {
      throw new DecodeError(`Cannot decode watch frame: ${length} bytes long, at most ${MAX_OBJECT_BYTES}`);
    }
    const queue = this.#queue;
    queue.consume(HEADER_BYTES);
    const here = Math.min(length, queue.length);
    queue.consume(here);
    this.#skipLeft = length - here;
    this.#onTooLarge(length);
    if (this.#skipLeft === 0) this.#frames++;
  }

  /** What of the chunk is not of the frame that is left out. */
  #skip(chunk: Uint8Array): Uint8Array {
    if (this.#skipLeft === 0) return chunk;
    const skipped = Math.min(this.#skipLeft, chunk.length);
    this.#skipLeft -= skipped;
    if (this.#skipLeft === 0) this.#frames++;
    return chunk.subarray(skipped);
  }
}
