/** Random damage that can be repeated: the same seed gives the same bytes. */
export class Mutations {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, bound). */
  below(bound: number): number {
    // xorshift32
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return this.#state % bound;
  }

  /** A copy with a few bits flipped, bytes set, pieces moved, repeated or cut out, or the end missing. */
  of(bytes: Buffer): Buffer {
    let copy: Buffer = Buffer.from(bytes);
    for (let times = 1 + this.below(4); times > 0 && copy.length > 0; times--) {
      const at = this.below(copy.length);
      const length = Math.min(copy.length - at, 1 + this.below(16));
      switch (this.below(6)) {
        case 0:
          copy[at] = (copy[at] as number) ^ (1 << this.below(8));
          break;
        case 1:
          copy[at] = [0x00, 0x7f, 0x80, 0xff][this.below(4)] as number;
          break;
        case 2:
          copy.copy(copy, this.below(copy.length), at, at + length);
          break;
        case 3:
          copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
          break;
        case 4:
          copy = Buffer.concat([copy.subarray(0, at + length), copy.subarray(at)]);
          break;
        case 5:
          copy = copy.subarray(0, at);
          break;
      }
    }
    return copy;
  }
}
