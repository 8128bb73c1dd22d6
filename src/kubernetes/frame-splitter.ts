import { ByteQueue } from "./byte-queue.ts";
import { DecodeError } from "./decode-error.ts";
import { MAX_OBJECT_BYTES } from "./list-decoder.ts";

const HEADER_BYTES = 4;

/** Cuts a watch stream into its frames: each a big-endian 32-bit length, then that many bytes. */
export class FrameSplitter {
  readonly #onFrame: (bytes: Buffer, start: number, end: number) => void;
  readonly #queue = new ByteQueue();

  /** `onFrame` gets each frame's bytes, valid during the call. */
  constructor(onFrame: (bytes: Buffer, start: number, end: number) => void) {
    this.#onFrame = onFrame;
  }

  /** Bytes of a frame whose rest has not arrived. */
  get pendingBytes(): number {
    return this.#queue.length;
  }

  /** Throws DecodeError where a frame is larger than any object can be. */
  push(chunk: Uint8Array): void {
    const queue = this.#queue;
    queue.push(chunk);
    while (queue.length >= HEADER_BYTES) {
      const length = queue.bytes.readUInt32BE(queue.start);
      if (length > MAX_OBJECT_BYTES) {
        throw new DecodeError(`Cannot decode watch frame: ${length} bytes long, at most ${MAX_OBJECT_BYTES}`);
      }
      if (queue.length < HEADER_BYTES + length) return;
      const start = queue.start + HEADER_BYTES;
      queue.consume(HEADER_BYTES + length);
      this.#onFrame(queue.bytes, start, start + length);
    }
  }
}
