import { parseAddress } from "../identity/address-text.ts";
import type { AddressWords } from "../identity/endpoint.ts";

/** Connections in one question at most. */
export const MAX_QUESTIONS = 512;
/** Bytes of a question or an answer at most: `MAX_QUESTIONS` of the longest addresses and ports. */
export const MAX_BODY_BYTES = 128 * 1024;

/** What is not a question or an answer as another agent would write it. */
export class WireError extends Error {}

/** How agents write one question and one answer: lists of addresses, as text, and ports. */
export interface WireItems<Question, Answer> {
  readonly questionLength: number;
  writeQuestion(question: Question): readonly (string | number)[];
  readQuestion(item: readonly unknown[]): Question;
  readonly answerLength: number;
  writeAnswer(answer: Answer): readonly (string | number)[];
  readAnswer(item: readonly unknown[]): Answer;
}

/** What agents ask each other, and answer, as JSON: a list of questions, and a list with an answer or null for each. */
export class AgentWire<Question, Answer> {
  readonly #items: WireItems<Question, Answer>;

  constructor(items: WireItems<Question, Answer>) {
    this.#items = items;
  }

  writeQuestions(questions: readonly Question[]): string {
    return JSON.stringify(questions.map((question) => this.#items.writeQuestion(question)));
  }

  /** @throws {WireError} */
  readQuestions(text: string): Question[] {
    const { questionLength } = this.#items;
    return readList(text, MAX_QUESTIONS).map((item) => this.#items.readQuestion(readTuple(item, questionLength)));
  }

  writeAnswers(answers: readonly (Answer | undefined)[]): string {
    return JSON.stringify(answers.map((answer) => (answer === undefined ? null : this.#items.writeAnswer(answer))));
  }

  /** @throws {WireError} where it is no list of `length` answers. */
  readAnswers(text: string, length: number): (Answer | undefined)[] {
    const { answerLength } = this.#items;
    const list = readList(text, length);
    if (list.length !== length) throw new WireError(`Cannot read ${list.length} answers: asked for ${length}`);
    return list.map((item) => (item === null ? undefined : this.#items.readAnswer(readTuple(item, answerLength))));
  }
}

/** @throws {WireError} */
export function readAddress(value: unknown): AddressWords {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  if (address === undefined) throw new WireError(`Cannot read ${JSON.stringify(value)} as an address`);
  return address;
}

/** @throws {WireError} */
export function readPort(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 0xffff) return value;
  throw new WireError(`Cannot read ${JSON.stringify(value)} as a port`);
}

function readTuple(item: unknown, length: number): readonly unknown[] {
  if (Array.isArray(item) && item.length === length) return item as unknown[];
  throw new WireError(`Cannot read ${JSON.stringify(item)}: needs a list of ${length}`);
}

function readList(text: string, maxLength: number): unknown[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new WireError("Cannot read what is not JSON");
  }
  if (!Array.isArray(list)) throw new WireError("Cannot read what is not a list");
  if (list.length > maxLength) throw new WireError(`Cannot read ${list.length} items: ${maxLength} at most`);
  return list;
}
