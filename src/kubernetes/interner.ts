/**
 * Gives equal strings one copy: namespaces, nodes and owners repeat in thousands of objects.
 *
 * Bounded: a full table starts anew, which costs sharing between old and new strings and nothing else.
 */
export class Interner {
  readonly #strings = new Map<string, string>();
  readonly #capacity: number;

  constructor(capacity = 20_000) {
    this.#capacity = capacity;
  }

  intern(text: string): string {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    if (this.#strings.size >= this.#capacity) this.#strings.clear();
    this.#strings.set(text, text);
    return text;
  }
}
