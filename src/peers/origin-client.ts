import type { ForwardedConnection, Origin, OriginAnswer } from "../identity/forwarded-connection.ts";
import { MAX_QUESTIONS, readOrigins, writeQuestions } from "./origin-wire.ts";
import { readBody } from "./read-body.ts";

export interface OriginClientOptions {
  /** Questions that wait at once, over all agents; 8 192 by default. */
  readonly maxWaiting?: number;
  /** How long an agent may take; 1 000 by default. */
  readonly timeoutMs?: number;
}

/** Questions by what became of them, since the start. */
export interface OriginStats {
  /** The agent knew who opened it. */
  readonly found: number;
  /** It did not know the connection. */
  readonly absent: number;
  /** The agent did not answer, or not well. */
  readonly failed: number;
  /** Not asked, because too many waited. */
  readonly refused: number;
}

interface Question {
  readonly connection: ForwardedConnection;
  readonly answer: OriginAnswer;
}

/**
 * Asks the agents of other nodes for whom their nodes forward connections. What is asked while an agent's answer is under
 * way goes to it in one request after that.
 */
export class OriginClient {
  readonly #maxWaiting: number;
  readonly #timeoutMs: number;
  readonly #queues = new Map<string, Question[]>();
  readonly #shutdown = new AbortController();
  #waiting = 0;
  #found = 0;
  #absent = 0;
  #failed = 0;
  #refused = 0;

  constructor({ maxWaiting = 8_192, timeoutMs = 1_000 }: OriginClientOptions = {}) {
    this.#maxWaiting = maxWaiting;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Asks the agent at a URL. False where too many questions wait; then `answer` is not called. It is never called before this
   * has returned.
   */
  ask(url: string, connection: ForwardedConnection, answer: OriginAnswer): boolean {
    if (this.#waiting >= this.#maxWaiting || this.#shutdown.signal.aborted) {
      this.#refused++;
      return false;
    }
    this.#waiting++;
    const queue = this.#queues.get(url);
    if (queue !== undefined) {
      queue.push({ connection, answer });
      return true;
    }
    this.#queues.set(url, [{ connection, answer }]);
    setImmediate(() => void this.#serve(url));
    return true;
  }

  stats(): OriginStats {
    return { found: this.#found, absent: this.#absent, failed: this.#failed, refused: this.#refused };
  }

  /** Ends what is under way: its questions are answered as failed. Idempotent. */
  shutdown(): void {
    this.#shutdown.abort();
  }

  /** Asks until nothing waits for this agent. */
  async #serve(url: string): Promise<void> {
    const queue = this.#queues.get(url) ?? [];
    while (queue.length > 0) {
      const questions = queue.splice(0, MAX_QUESTIONS);
      const origins = await this.#request(url, questions).catch(() => undefined);
      this.#waiting -= questions.length;
      for (const [index, { answer }] of questions.entries()) {
        const origin = origins?.[index];
        if (origins === undefined) this.#failed++;
        else if (origin === undefined) this.#absent++;
        else this.#found++;
        answer(origin, origins === undefined);
      }
    }
    this.#queues.delete(url);
  }

  async #request(url: string, questions: readonly Question[]): Promise<(Origin | undefined)[]> {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: writeQuestions(questions.map(({ connection }) => connection)),
      redirect: "error",
      signal: AbortSignal.any([this.#shutdown.signal, AbortSignal.timeout(this.#timeoutMs)]),
    });
    const text = response.body === null ? "" : await readBody(response.body);
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.trim()}`);
    return readOrigins(text, questions.length);
  }
}
