import { DecodeError } from "./decode-error.ts";

const SMALL_BYTES = 256 * 1024;

/**
 * Bytes that arrived and were not consumed yet, in one piece. Each byte is copied once, plus once per doubling.
 *
 * `bytes[start, end)` is what waits; it is valid until the next `push()`.
 */
export class ByteQueue {
  bytes: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  push(chunk: Uint8Array): void {
    if (this.start === this.end) this.#restart();
    if (this.end + chunk.length > this.bytes.length) this.#makeRoom(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  consume(length: number): void {
    if (length > this.length) throw new RangeError(`Cannot consume ${length} bytes: ${this.length} wait`);
    this.start += length;
  }

  /**
   * Reads the varint `offset` bytes on. Returns its value and the offset behind it, or undefined where it has not
   * arrived completely. Throws DecodeError where it is longer than a 32-bit tag or length can be.
   */
  varint(offset: number): { value: number; next: number } | undefined {
    let value = 0;
    for (let index = 0; index < 5; index++) {
      const at = this.start + offset + index;
      if (at >= this.end) return undefined;
      const byte = this.bytes[at] as number;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return { value, next: offset + index + 1 };
    }
    throw new DecodeError("Cannot decode protobuf: expected a tag or length of at most 5 bytes");
  }

  #restart(): void {
    this.start = 0;
    this.end = 0;
    // One large object must not cost its size for ever.
    if (this.bytes.length > SMALL_BYTES) this.bytes = Buffer.allocUnsafeSlow(SMALL_BYTES);
  }

  #makeRoom(length: number): void {
    const waiting = this.length;
    let capacity = this.bytes.length;
    while (capacity < waiting + length) capacity *= 2;
    const target = capacity === this.bytes.length ? this.bytes : Buffer.allocUnsafeSlow(capacity);
    this.bytes.copy(target, 0, this.start, this.end);
    this.bytes = target;
    this.start = 0;
    this.end = waiting;
  }
}
