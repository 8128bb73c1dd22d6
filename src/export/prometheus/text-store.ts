const PAGE_BYTES = 128 * 1024;

/**
 * Keeps a piece of text for each slot as bytes outside the JavaScript heap, in pages. A page goes back when nothing on
 * it is in use any more.
 */
export class TextStore {
  #pages: (Buffer | undefined)[] = [];
  /** Pieces in use, by page. */
  #inUse: number[] = [];
  #writePage = -1;
  #writeOffset = 0;
  #pageOf = new Int32Array(0);
  #offsets = new Uint32Array(0);
  #lengths = new Uint32Array(0);

  /** The page that holds a slot's text; undefined where it has none. */
  page(slot: number): Buffer | undefined {
    return this.#pages[(this.#pageOf[slot] ?? 0) - 1];
  }

  offset(slot: number): number {
    return this.#offsets[slot] ?? 0;
  }

  length(slot: number): number {
    return this.#lengths[slot] ?? 0;
  }

  /** Bytes of memory that the pages take. */
  get bytes(): number {
    return this.#pages.reduce((sum, page) => sum + (page?.length ?? 0), 0);
  }

  set(slot: number, text: string): void {
    this.delete(slot);
    this.#reserve(slot);
    const most = text.length * 3;
    if (this.#writePage < 0 || this.#writeOffset + most > (this.#pages[this.#writePage]?.length ?? 0)) {
      this.#turnPage(most);
    }
    const page = this.#pages[this.#writePage] as Buffer;
    const length = page.write(text, this.#writeOffset);
    this.#pageOf[slot] = this.#writePage + 1;
    this.#offsets[slot] = this.#writeOffset;
    this.#lengths[slot] = length;
    this.#inUse[this.#writePage] = (this.#inUse[this.#writePage] ?? 0) + 1;
    this.#writeOffset += length;
  }

  delete(slot: number): void {
    const index = (this.#pageOf[slot] ?? 0) - 1;
    if (index < 0) return;
    this.#pageOf[slot] = 0;
    this.#lengths[slot] = 0;
    const left = (this.#inUse[index] ?? 1) - 1;
    this.#inUse[index] = left;
    if (left > 0) return;
    if (index === this.#writePage) this.#writeOffset = 0;
    else this.#pages[index] = undefined;
  }

  #turnPage(atLeast: number): void {
    const vacant = this.#pages.indexOf(undefined);
    this.#writePage = vacant < 0 ? this.#pages.length : vacant;
    this.#pages[this.#writePage] = Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, atLeast));
    this.#inUse[this.#writePage] = 0;
    this.#writeOffset = 0;
  }

  #reserve(slot: number): void {
    if (slot < this.#pageOf.length) return;
    const size = Math.max(64, 2 ** Math.ceil(Math.log2(slot + 1)));
    this.#pageOf = grown(this.#pageOf, new Int32Array(size));
    this.#offsets = grown(this.#offsets, new Uint32Array(size));
    this.#lengths = grown(this.#lengths, new Uint32Array(size));
  }
}

function grown<T extends Int32Array | Uint32Array>(old: T, next: T): T {
  next.set(old);
  return next;
}
