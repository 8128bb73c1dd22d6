import { ByteQueue } from "./byte-queue.ts";
import { DecodeError } from "./decode-error.ts";
import { checkMagic, MAGIC } from "./envelope.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

/** The API server refuses objects of more than 3 MiB. */
export const MAX_OBJECT_BYTES = 8 * 1024 * 1024;
/** A larger object than that is left out while its bytes pass by; a length beyond this is no length of an object. */
export const MAX_SKIPPED_BYTES = 64 * 1024 * 1024;

/** Told the size of each object that is left out because it is too large. */
export type OnTooLarge = (objectBytes: number) => void;

const LENGTH_DELIMITED = 2;

/** How a list ended. */
export interface ListEnd {
  readonly resourceVersion: string;
  /** Token of the next page, empty on the last. */
  readonly continueToken: string;
}

/**
 * Decodes a list response while it arrives, item by item: a list from the server's cache comes in one piece however
 * large it is, and is neither held nor decoded in one piece here.
 */
export class ListDecoder {
  readonly #onItem: (bytes: Buffer, start: number, end: number) => void;
  readonly #onTooLarge: OnTooLarge;
  readonly #queue = new ByteQueue();
  readonly #reader = new ProtobufReader();
  #magicSeen = false;
  #listSeen = false;
  /** Bytes of the list message that are still to come; undefined outside of it. */
  #listLeft: number | undefined;
  /** Bytes still to come of an item that is left out. */
  #skipLeft = 0;
  #resourceVersion = "";
  #continueToken = "";

  /** `onItem` gets each item's message; the bytes are valid during the call. */
  constructor(onItem: (bytes: Buffer, start: number, end: number) => void, onTooLarge: OnTooLarge) {
    this.#onItem = onItem;
    this.#onTooLarge = onTooLarge;
  }

  /** Throws DecodeError where the bytes are not a list. */
  push(chunk: Uint8Array): void {
    const queue = this.#queue;
    queue.push(chunk);
    if (!this.#magicSeen) {
      if (queue.length < MAGIC.length) return;
      checkMagic(queue.bytes, queue.start, queue.end);
      queue.consume(MAGIC.length);
      this.#magicSeen = true;
    }
    while (this.#skipLeft > 0 ? this.#skip() : this.#takeField());
  }

  /** Call when the response ended. Throws DecodeError where the list is not complete. */
  end(): ListEnd {
    if (!this.#listSeen || this.#listLeft !== undefined || this.#queue.length > 0 || this.#skipLeft > 0) {
      throw new DecodeError("Cannot decode list: the response ended in the middle of it");
    }
    if (this.#resourceVersion === "") throw new DecodeError("Cannot decode list: it has no resource version");
    return { resourceVersion: this.#resourceVersion, continueToken: this.#continueToken };
  }

  /** Takes one field of the envelope or of the list; false where it has not arrived completely. */
  #takeField(): boolean {
    const queue = this.#queue;
    const inList = this.#listLeft !== undefined;
    const tag = queue.varint(0);
    const length = tag && queue.varint(tag.next);
    if (tag === undefined || length === undefined) return false;
    const field = Math.floor(tag.value / 8);
    if (tag.value % 8 !== LENGTH_DELIMITED) throw new DecodeError(`Cannot decode list: field ${field} is no message`);
    if (!inList && field === 2) {
      if (this.#listSeen) throw new DecodeError("Cannot decode list: its envelope holds two");
      this.#listSeen = true;
      queue.consume(length.next);
      this.#setListLeft(length.value);
      return true;
    }
    const size = length.next + length.value;
    if (this.#listLeft !== undefined && size > this.#listLeft) {
      throw new DecodeError(`Cannot decode list: a field of ${size} bytes where ${this.#listLeft} are left`);
    }
    if (length.value > MAX_OBJECT_BYTES) {
      if (this.#listLeft === undefined || field !== 2 || length.value > MAX_SKIPPED_BYTES) {
        throw new DecodeError(`Cannot decode list: an object of ${length.value} bytes, at most ${MAX_OBJECT_BYTES}`);
      }
      this.#setListLeft(this.#listLeft - size);
      this.#skipLeft = length.value;
      queue.consume(length.next);
      this.#onTooLarge(length.value);
      return true;
    }
    if (queue.length < size) return false;
    const start = queue.start + length.next;
    const end = queue.start + size;
    queue.consume(size);
    if (this.#listLeft === undefined) this.#takeEnvelopeField(field, start, end);
    else {
      this.#setListLeft(this.#listLeft - size);
      if (field === 1) this.#readListMeta(start, end);
      else if (field === 2) this.#onItem(queue.bytes, start, end);
    }
    return true;
  }

  /** Passes over what has arrived of an item that is left out; false where more of it is to come. */
  #skip(): boolean {
    const here = Math.min(this.#skipLeft, this.#queue.length);
    this.#queue.consume(here);
    this.#skipLeft -= here;
    return this.#skipLeft === 0;
  }

  #setListLeft(left: number): void {
    this.#listLeft = left === 0 ? undefined : left;
  }

  #takeEnvelopeField(field: number, start: number, end: number): void {
    if (field !== 1) return;
    const reader = this.#reader.open(this.#queue.bytes, start, end);
    let kind = "";
    while (reader.next()) if (reader.field() === 2) kind = reader.text();
    if (!kind.endsWith("List"))
      throw new DecodeError(`Cannot decode list: the server sent a ${kind || "nameless kind"}`);
  }

  #readListMeta(start: number, end: number): void {
    const reader = this.#reader.open(this.#queue.bytes, start, end);
    while (reader.next()) {
      if (reader.field() === 2) this.#resourceVersion = reader.text();
      else if (reader.field() === 3) this.#continueToken = reader.text(65_536);
    }
  }
}
