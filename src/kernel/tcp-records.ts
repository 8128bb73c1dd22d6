import type { TcpField, TcpLayout } from "./addon.ts";

const TWO_TO_32 = 2 ** 32;
const WORD_BYTES = 4;

/**
 * A batch of the kernel's TCP records, read in place from one buffer: no object per record. `index` is 0 .. length-1.
 *
 * Native byte order, as the kernel of this host wrote them. Times are CLOCK_MONOTONIC nanoseconds; as numbers they
 * are exact for 104 days of uptime and good to a few nanoseconds after.
 */
export class TcpRecords {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  readonly #recordBytes: number;
  readonly #at: Readonly<Record<TcpField, number>>;

  /** `bytes` is how much of the buffer records fill. */
  constructor(layout: TcpLayout, buffer: ArrayBuffer, bytes = buffer.byteLength) {
    if (bytes % layout.recordBytes !== 0) {
      throw new RangeError(
        `Cannot read TCP records: expected a multiple of ${layout.recordBytes} bytes, current value is ${bytes}`,
      );
    }
    this.length = bytes / layout.recordBytes;
    this.#bytes = new Uint8Array(buffer);
    this.#halves = new Uint16Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#recordBytes = layout.recordBytes;
    // as the addon made it, it is a hash table to the engine: a copy is an object with fields, read in a tenth of the time
    this.#at = { ...layout.offsets };
  }

  kind(index: number): number {
    return this.#byte(index, this.#at.kind);
  }
  side(index: number): number {
    return this.#byte(index, this.#at.side);
  }
  flags(index: number): number {
    return this.#byte(index, this.#at.flags);
  }
  /** TCP state, for a closed connection the one before; `net/tcp_states.h`. */
  state(index: number): number {
    return this.#byte(index, this.#at.state);
  }
  reset(index: number): number {
    return this.#byte(index, this.#at.reset);
  }
  /** errno, 0 for none. */
  error(index: number): number {
    return this.#half(index, this.#at.error);
  }
  localPort(index: number): number {
    return this.#half(index, this.#at.localPort);
  }
  remotePort(index: number): number {
    return this.#half(index, this.#at.remotePort);
  }
  /** Unique for the life of the programs, an integer below 2^53. */
  id(index: number): number {
    return this.#long(index, this.#at.id);
  }
  /** The two words of `id`, as a key. */
  writeId(index: number, into: Uint32Array): void {
    into[0] = this.#word(index, this.#at.id);
    into[1] = this.#word(index, this.#at.id + WORD_BYTES);
  }
  bornNs(index: number): number {
    return this.#long(index, this.#at.bornNs);
  }
  /** 0 where never established. */
  establishedNs(index: number): number {
    return this.#long(index, this.#at.establishedNs);
  }
  atNs(index: number): number {
    return this.#long(index, this.#at.atNs);
  }
  cgroupIdLow(index: number): number {
    return this.#word(index, this.#at.cgroupId);
  }
  cgroupIdHigh(index: number): number {
    return this.#word(index, this.#at.cgroupId + WORD_BYTES);
  }
  netns(index: number): number {
    return this.#word(index, this.#at.netns);
  }
  pid(index: number): number {
    return this.#word(index, this.#at.pid);
  }
  /** Word 0 .. 3 of the local address, most significant first. */
  local(index: number, word: number): number {
    return this.#word(index, this.#at.local + WORD_BYTES * word);
  }
  remote(index: number, word: number): number {
    return this.#word(index, this.#at.remote + WORD_BYTES * word);
  }
  localIsn(index: number): number {
    return this.#word(index, this.#at.localIsn);
  }
  remoteIsn(index: number): number {
    return this.#word(index, this.#at.remoteIsn);
  }
  sentBytes(index: number): number {
    return this.#long(index, this.#at.sentBytes);
  }
  receivedBytes(index: number): number {
    return this.#long(index, this.#at.receivedBytes);
  }
  sentSegments(index: number): number {
    return this.#word(index, this.#at.sentSegments);
  }
  receivedSegments(index: number): number {
    return this.#word(index, this.#at.receivedSegments);
  }
  retransmittedSegments(index: number): number {
    return this.#word(index, this.#at.retransmittedSegments);
  }
  /** Smoothed round trip time in microseconds, 0 for unknown. */
  srttUs(index: number): number {
    return this.#word(index, this.#at.srttUs);
  }
  /** Word 0 .. 3 of the process name, as a key. */
  commWord(index: number, word: number): number {
    return this.#word(index, this.#at.comm + WORD_BYTES * word);
  }
  /** The process name, which may be any bytes. Shares the batch's memory. Allocates. */
  comm(index: number): Uint8Array {
    const from = index * this.#recordBytes + this.#at.comm;
    const bytes = this.#bytes.subarray(from, from + 16);
    const end = bytes.indexOf(0);
    return end < 0 ? bytes : bytes.subarray(0, end);
  }

  /** Copies one record over record `to` of another batch of the same layout. */
  copyTo(index: number, target: TcpRecords, to: number): void {
    const words = this.#recordBytes / WORD_BYTES;
    const from = index * words;
    const into = to * words;
    for (let word = 0; word < words; word++) target.#words[into + word] = this.#words[from + word] as number;
  }

  #byte(index: number, offset: number): number {
    return this.#bytes[index * this.#recordBytes + offset] as number;
  }
  #half(index: number, offset: number): number {
    return this.#halves[(index * this.#recordBytes + offset) >> 1] as number;
  }
  #word(index: number, offset: number): number {
    return this.#words[(index * this.#recordBytes + offset) >> 2] as number;
  }
  #long(index: number, offset: number): number {
    const word = (index * this.#recordBytes + offset) >> 2;
    return (this.#words[word] as number) + (this.#words[word + 1] as number) * TWO_TO_32;
  }
}
