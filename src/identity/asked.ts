import type { AnswerVersion } from "./answer-version.ts";

/** What `AskedKeys` needs of a set; `Set` and the set of addresses have it. */
interface KeySet<K> {
  readonly size: number;
  add(key: K): void;
  has(key: K): boolean;
  clear(): void;
}

/**
 * The questions that found nothing since the version last grew: learning one of them is a reason to grow it again.
 *
 * Bounded: beyond `limit` it no longer knows what was asked and says that everything was, which is slower, not wrong.
 */
export class AskedKeys<K> {
  readonly #version: AnswerVersion;
  readonly #limit: number;
  readonly #keys: KeySet<K>;
  #askedAt = 0;
  #overflowed = false;

  constructor(version: AnswerVersion, keys: KeySet<K>, limit = 65_536) {
    this.#version = version;
    this.#limit = limit;
    this.#keys = keys;
  }

  get size(): number {
    this.#forgetOld();
    return this.#keys.size;
  }

  ask(key: K): void {
    this.#forgetOld();
    if (this.#keys.size < this.#limit) this.#keys.add(key);
    else if (!this.#keys.has(key)) this.#overflowed = true;
  }

  /** Call when `key` gets an answer: grows the version if somebody was told that there is none. */
  learnt(key: K): void {
    this.#forgetOld();
    if (this.#overflowed || this.#keys.has(key)) this.#version.bump();
  }

  #forgetOld(): void {
    if (this.#askedAt === this.#version.value) return;
    this.#askedAt = this.#version.value;
    this.#overflowed = false;
    if (this.#keys.size > 0) this.#keys.clear();
  }
}
