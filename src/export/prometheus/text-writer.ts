const ZERO = 0x30;
const NEWLINE = 0x0a;
const BILLION = 1e9;

/** The most bytes that a number takes: sign, 17 digits, point and exponent, or 21 digits, and the line's end. */
export const MAX_NUMBER_LENGTH = 32;

/** A chunk of output that is filled byte by byte: no string is made for a line or for a whole number. */
export class TextWriter {
  readonly bytes: Buffer;
  length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  get room(): number {
    return this.bytes.length - this.length;
  }

  /** Copies `source` from `from` to `until` (exclusive). Hot: callers make sure that there is room. */
  copy(source: Buffer, from: number, until: number): void {
    source.copy(this.bytes, this.length, from, until);
    this.length += until - from;
  }

  /** Repeats what stands at `from` in this chunk. */
  repeat(from: number, length: number): void {
    this.bytes.copyWithin(this.length, from, from + length);
    this.length += length;
  }

  /** Copies a few bytes, for which a loop is quicker than a call out of the engine. */
  copyShort(source: Buffer): void {
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < source.length; i++) bytes[at++] = source[i] as number;
    this.length = at;
  }

  /** Writes a number as Prometheus reads it, and ends the line. */
  numberLine(value: number): void {
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER && Math.floor(value) === value) this.#whole(value);
    else this.#ascii(formatValue(value));
    this.bytes[this.length++] = NEWLINE;
  }

  #whole(value: number): void {
    if (value < BILLION) {
      this.#digits(value, digitsOf(value));
      return;
    }
    // Two halves of at most nine digits, so that the arithmetic is that of 32-bit integers.
    const high = Math.floor(value / BILLION);
    this.#whole(high);
    this.#digits(value - high * BILLION, 9);
  }

  #digits(value: number, count: number): void {
    const { bytes } = this;
    let rest = value | 0;
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const tens = (rest / 10) | 0;
      bytes[at] = ZERO + rest - tens * 10;
      rest = tens;
    }
    this.length += count;
  }

  #ascii(text: string): void {
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }
}

/** A number as Prometheus reads it. */
export function formatValue(value: number): string {
  if (Number.isFinite(value)) return `${value}`;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

function digitsOf(value: number): number {
  let count = 1;
  for (let limit = 10; value >= limit; limit *= 10) count++;
  return count;
}
