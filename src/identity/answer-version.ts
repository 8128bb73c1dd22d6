/**
 * Grows when an answer that was given could now be another. Every part of identity that learns something shares one.
 *
 * Callers drop all their cached answers when it grows, so a part needs to remember only what was asked since.
 */
export class AnswerVersion {
  #value = 1;

  get value(): number {
    return this.#value;
  }

  bump(): void {
    this.#value += 1;
  }
}
