import type { ConntrackLayout } from "./addon.ts";
import type { TcpRecords } from "./tcp-records.ts";

const WORDS = [0, 1, 2, 3] as const;
const WORD_BYTES = 4;
/** Transports by their number in IP. */
const TCP = 6;

/** An address as four big-endian 32-bit words; IPv4 is mapped. */
export type ConntrackAddress = readonly [number, number, number, number];

/** One direction of a connection. */
export interface ConntrackTuple {
  readonly source: ConntrackAddress;
  readonly destination: ConntrackAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** As IP numbers it; TCP (6) by default. */
  readonly transport?: number;
}

/** Questions to the connection tracking, written into one buffer that is used again. */
export class ConntrackTuples {
  readonly capacity: number;
  readonly #layout: ConntrackLayout;
  readonly #buffer: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  #length = 0;

  constructor(layout: ConntrackLayout, capacity: number) {
    this.capacity = capacity;
    this.#layout = layout;
    this.#buffer = new ArrayBuffer(layout.tupleBytes * capacity);
    this.#bytes = new Uint8Array(this.#buffer);
    this.#halves = new Uint16Array(this.#buffer);
    this.#words = new Uint32Array(this.#buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The tuples as the addon takes them. Shares memory. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length * this.#layout.tupleBytes);
  }

  clear(): void {
    this.#length = 0;
  }

  /** What the record's socket sends, if it connected. Allocates nothing. False where there is no room. */
  addRecord(records: TcpRecords, index: number): boolean {
    if (this.#length === this.capacity) return false;
    const { source, destination } = this.#layout.tuple;
    const base = this.#length * this.#layout.tupleBytes;
    for (let word = 0; word < WORDS.length; word++) {
      this.#words[(base + source) / WORD_BYTES + word] = records.local(index, word);
      this.#words[(base + destination) / WORD_BYTES + word] = records.remote(index, word);
    }
    this.#finish(base, records.localPort(index), records.remotePort(index), TCP);
    return true;
  }

  /** False where there is no room. */
  add(tuple: ConntrackTuple): boolean {
    if (this.#length === this.capacity) return false;
    const { source, destination } = this.#layout.tuple;
    const base = this.#length * this.#layout.tupleBytes;
    for (const word of WORDS) {
      this.#words[(base + source) / WORD_BYTES + word] = tuple.source[word];
      this.#words[(base + destination) / WORD_BYTES + word] = tuple.destination[word];
    }
    this.#finish(base, tuple.sourcePort, tuple.destinationPort, tuple.transport ?? TCP);
    return true;
  }

  #finish(base: number, sourcePort: number, destinationPort: number, transport: number): void {
    const { tuple } = this.#layout;
    this.#halves[(base + tuple.sourcePort) / 2] = sourcePort;
    this.#halves[(base + tuple.destinationPort) / 2] = destinationPort;
    this.#bytes[base + tuple.transport] = transport;
    this.#length++;
  }
}
