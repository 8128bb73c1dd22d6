import { DecodeError } from "./decode-error.ts";

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Longer than any name, label or address that Kubernetes allows. */
const MAX_TEXT_BYTES = 4096;

/**
 * A cursor over the fields of a protobuf message: `next()` moves past a whole field, so what is not asked for costs its
 * tag and length only. Memory is never touched outside of the range given, nothing is allocated but the strings asked
 * for (which are copies and keep no buffer alive), and work is linear in the bytes whatever they hold.
 *
 * Every method throws DecodeError on bytes that are not a message, or not of the asked type.
 */
export class ProtobufReader {
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;
  #field = 0;
  #wireType = VARINT;
  /** Low 32 bits of the last varint; enough for every number Weir reads. */
  #low = 0;
  #number = 0;
  #valueStart = 0;
  #valueEnd = 0;
  /** Where to go on after `leave()`: pairs of position and end. */
  readonly #outer: number[] = [];

  /** Points the reader at `bytes[start, end)`; returns itself. */
  open(bytes: Uint8Array, start = 0, end = bytes.length): this {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`Cannot read protobuf bytes [${start}, ${end}): there are ${bytes.length}`);
    }
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
    this.#end = end;
    this.#outer.length = 0;
    return this;
  }

  /** Number of the field that `next()` moved past. */
  field(): number {
    return this.#field;
  }

  /** Where the field's value begins and ends in the bytes given to `open()`. */
  get valueStart(): number {
    return this.#valueStart;
  }

  get valueEnd(): number {
    return this.#valueEnd;
  }

  /** Moves past the next field; false at the end of the message. */
  next(): boolean {
    if (this.#position === this.#end) return false;
    const at = this.#position;
    const tag = this.#varint();
    this.#field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    if (this.#field === 0 || this.#field > 0x1fffffff) this.#fail(at, "a field number");
    this.#valueStart = this.#position;
    switch (this.#wireType) {
      case VARINT:
        this.#number = this.#varint();
        break;
      case FIXED64:
        this.#skip(8);
        break;
      case LENGTH_DELIMITED: {
        const length = this.#varint();
        this.#valueStart = this.#position;
        this.#skip(length);
        break;
      }
      case FIXED32:
        this.#skip(4);
        break;
      default:
        this.#fail(at, "a wire type of 0, 1, 2 or 5");
    }
    this.#valueEnd = this.#position;
    return true;
  }

  /** The field's value as text; bytes that are not UTF-8 become U+FFFD. */
  text(maxBytes = MAX_TEXT_BYTES): string {
    this.#expect(LENGTH_DELIMITED, "text");
    const length = this.#valueEnd - this.#valueStart;
    if (length > maxBytes) this.#fail(this.#valueStart, `text of at most ${maxBytes} bytes, not ${length}`);
    return this.#bytes.toString("utf8", this.#valueStart, this.#valueEnd);
  }

  /** Whether the field's value is these bytes: without making a text of it. */
  is(bytes: Buffer): boolean {
    this.#expect(LENGTH_DELIMITED, "text");
    return this.#valueEnd - this.#valueStart === bytes.length && this.#hasAt(this.#valueStart, bytes);
  }

  /** The text behind the first `separator`, or all of it where there is none. */
  textAfter(separator: Buffer): string {
    this.#expect(LENGTH_DELIMITED, "text");
    // Cut in the bytes: a slice of a string would keep the whole string alive.
    for (let at = this.#valueStart; at + separator.length <= this.#valueEnd; at++) {
      if (!this.#hasAt(at, separator)) continue;
      this.#valueStart = at + separator.length;
      break;
    }
    return this.text();
  }

  int32(): number {
    this.#expect(VARINT, "a number");
    return this.#low | 0;
  }

  /** A number below 2^53; 0 where it is larger, or negative. */
  uint(): number {
    this.#expect(VARINT, "a number");
    return Number.isSafeInteger(this.#number) ? this.#number : 0;
  }

  bool(): boolean {
    return this.int32() !== 0;
  }

  /** Goes into the field's message: `next()` then yields its fields, until `leave()`. */
  enter(): void {
    this.#expect(LENGTH_DELIMITED, "a message");
    this.#outer.push(this.#position, this.#end);
    this.#position = this.#valueStart;
    this.#end = this.#valueEnd;
  }

  /** Back to the message around, behind the field that was entered, whether or not all of it was read. */
  leave(): void {
    const end = this.#outer.pop();
    const position = this.#outer.pop();
    if (end === undefined || position === undefined) throw new RangeError("Cannot leave: no message was entered");
    this.#end = end;
    this.#position = position;
    // The inner message's last field is not one of this message's: nobody may take it for one.
    this.#field = 0;
    this.#wireType = -1;
  }

  #varint(): number {
    const at = this.#position;
    let value = 0;
    let scale = 1;
    let low = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#position === this.#end) this.#fail(at, "a whole varint");
      const byte = this.#bytes[this.#position++] as number;
      if (shift < 32) low |= (byte & 0x7f) << shift;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) {
        this.#low = low;
        return value;
      }
    }
    return this.#fail(at, "a varint of at most 10 bytes");
  }

  #hasAt(at: number, bytes: Buffer): boolean {
    for (let index = 0; index < bytes.length; index++) if (this.#bytes[at + index] !== bytes[index]) return false;
    return true;
  }

  #skip(length: number): void {
    const left = this.#end - this.#position;
    if (length > left) {
      this.#fail(this.#position, `${length} bytes for field ${this.#field}, but the message has ${left} left`);
    }
    this.#position += length;
  }

  #expect(wireType: number, what: string): void {
    if (this.#wireType !== wireType) {
      this.#fail(this.#valueStart, `${what} in field ${this.#field}, found wire type ${this.#wireType}`);
    }
  }

  #fail(at: number, expected: string): never {
    throw new DecodeError(`Cannot decode protobuf at byte ${at}: expected ${expected}`);
  }
}
