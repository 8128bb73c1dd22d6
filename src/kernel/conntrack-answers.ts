import type { ConntrackDirection, ConntrackLayout } from "./addon.ts";
import type { ConntrackTuple } from "./conntrack-tuples.ts";

const WORD_BYTES = 4;

/** What the connection tracking said to a batch of questions, read in place. `index` is the question's. */
export class ConntrackAnswers {
  readonly length: number;
  readonly #layout: ConntrackLayout;
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;

  constructor(layout: ConntrackLayout, buffer: ArrayBuffer) {
    if (buffer.byteLength % layout.answerBytes !== 0) {
      throw new RangeError(
        `Cannot read answers of connection tracking: expected a multiple of ${layout.answerBytes} bytes, current value is ${buffer.byteLength}`,
      );
    }
    this.length = buffer.byteLength / layout.answerBytes;
    this.#layout = layout;
    this.#bytes = new Uint8Array(buffer);
    this.#halves = new Uint16Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /** 0: found; `layout.absent`: no such connection; else the errno of what went wrong. */
  error(index: number): number {
    return this.#words[(index * this.#layout.answerBytes + this.#layout.answer.error) / WORD_BYTES] as number;
  }
  isFound(index: number): boolean {
    return this.error(index) === 0;
  }
  isAbsent(index: number): boolean {
    return this.error(index) === this.#layout.absent;
  }

  /** Word 0 .. 3 of the address from which the connection is answered: its backend, whatever address was asked for. */
  backend(index: number, word: number): number {
    return this.#words[(this.#at(index, "reply") + this.#layout.tuple.source) / WORD_BYTES + word] as number;
  }
  backendPort(index: number): number {
    return this.#halves[(this.#at(index, "reply") + this.#layout.tuple.sourcePort) / 2] as number;
  }

  /** Whether the connection is answered from another address or port than the one that was asked for. */
  isTranslated(index: number): boolean {
    const { destination, destinationPort } = this.#layout.tuple;
    const original = this.#at(index, "original");
    if (this.#halves[(original + destinationPort) / 2] !== this.backendPort(index)) return true;
    for (let word = 0; word < 4; word++) {
      if (this.#words[(original + destination) / WORD_BYTES + word] !== this.backend(index, word)) return true;
    }
    return false;
  }

  /** One of the connection's two tuples. Allocates. */
  tuple(index: number, direction: ConntrackDirection): Required<ConntrackTuple> {
    const at = this.#at(index, direction);
    const { tuple } = this.#layout;
    const address = (offset: number) => {
      const [a = 0, b = 0, c = 0, d = 0] = this.#words.subarray((at + offset) / WORD_BYTES);
      return [a, b, c, d] as const;
    };
    return {
      source: address(tuple.source),
      destination: address(tuple.destination),
      sourcePort: this.#halves[(at + tuple.sourcePort) / 2] as number,
      destinationPort: this.#halves[(at + tuple.destinationPort) / 2] as number,
      transport: this.#bytes[at + tuple.transport] as number,
    };
  }

  #at(index: number, direction: ConntrackDirection): number {
    return index * this.#layout.answerBytes + this.#layout.answer[direction];
  }
}
