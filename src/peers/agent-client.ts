import { setTimeout as pause } from "node:timers/promises";
import { type AgentWire, MAX_QUESTIONS, WireError } from "./agent-wire.ts";
import { readBody } from "./read-body.ts";

/** Before an agent that did not answer is asked again. */
const PAUSE_MS = 250;
/** A slow agent gets twice as long each time, up to this many times as long. */
const MAX_STRETCH = 8;
/** Statuses from here on are the agent's trouble, which may pass; those below say no. */
const SERVER_ERRORS = 500;

export interface AgentClientOptions {
  /** Questions that wait at once, over all agents; 8 192 by default. */
  readonly maxWaiting?: number;
  /** How long an agent may take for the first request; 1 000 by default. */
  readonly timeoutMs?: number;
  /** For how long a question is asked again of an agent that is not there, because it starts; 10 000 by default. */
  readonly patienceMs?: number;
  /** For how long it is asked again of one that is there, and slow; 30 000 by default. */
  readonly slowPatienceMs?: number;
  /** Milliseconds that only grow; `performance.now()` by default. */
  readonly nowMs?: () => number;
}

/** Questions by what became of them, since the start. */
export interface AgentClientStats {
  /** The agent knew the connection. */
  readonly found: number;
  /** It did not. */
  readonly absent: number;
  /** The agent did not answer, or not well. */
  readonly failed: number;
  /** Not asked, because too many waited. */
  readonly refused: number;
  /** Times that one was asked again. */
  readonly repeated: number;
}

/** `answer` is undefined where the agent does not know the connection; `failed`: it did not answer. */
type TakeAnswer<Answer> = (answer: Answer | undefined, failed: boolean) => void;

interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly take: TakeAnswer<Answer>;
  readonly askedMs: number;
}

/** Why there are no answers yet: the agent is not there, or takes long. */
type Trouble = "away" | "slow";
/** What has come of a request; undefined where the agent says no, or what nobody can read. */
type Outcome<Answer> = readonly (Answer | undefined)[] | undefined | Trouble;

/**
 * Asks the agents of other nodes. What is asked while an agent's answer is under way goes to it in one request after that. An
 * agent that does not answer is asked again for a while: it may be about to start.
 */
export class AgentClient<Question, Answer> {
  readonly #wire: AgentWire<Question, Answer>;
  readonly #maxWaiting: number;
  readonly #timeoutMs: number;
  readonly #patienceMs: Readonly<Record<Trouble, number>>;
  readonly #nowMs: () => number;
  readonly #queues = new Map<string, Waiting<Question, Answer>[]>();
  readonly #shutdown = new AbortController();
  #waiting = 0;
  #found = 0;
  #absent = 0;
  #failed = 0;
  #refused = 0;
  #repeated = 0;

  constructor(wire: AgentWire<Question, Answer>, options: AgentClientOptions = {}) {
    this.#wire = wire;
    this.#maxWaiting = options.maxWaiting ?? 8_192;
    this.#timeoutMs = options.timeoutMs ?? 1_000;
    this.#patienceMs = { away: options.patienceMs ?? 10_000, slow: options.slowPatienceMs ?? 30_000 };
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /**
   * Asks the agent at a URL. False where too many questions wait; then `take` is not called. It is never called before this
   * has returned.
   */
  ask(url: string, question: Question, take: TakeAnswer<Answer>): boolean {
    if (this.#waiting >= this.#maxWaiting || this.#shutdown.signal.aborted) {
      this.#refused++;
      return false;
    }
    this.#waiting++;
    const waiting = { question, take, askedMs: this.#nowMs() };
    const queue = this.#queues.get(url);
    if (queue !== undefined) {
      queue.push(waiting);
      return true;
    }
    this.#queues.set(url, [waiting]);
    setImmediate(() => void this.#serve(url));
    return true;
  }

  stats(): AgentClientStats {
    return {
      found: this.#found,
      absent: this.#absent,
      failed: this.#failed,
      refused: this.#refused,
      repeated: this.#repeated,
    };
  }

  /** Ends what is under way: its questions are answered as failed. Idempotent. */
  shutdown(): void {
    this.#shutdown.abort();
  }

  /** Asks until nothing waits for this agent. */
  async #serve(url: string): Promise<void> {
    const queue = this.#queues.get(url) ?? [];
    const { signal } = this.#shutdown;
    let stretch = 1;
    while (queue.length > 0) {
      const batch = queue.splice(0, MAX_QUESTIONS);
      const outcome = await this.#request(url, batch, stretch * this.#timeoutMs);
      if (typeof outcome !== "string") {
        this.#take(batch, outcome);
        stretch = 1;
        continue;
      }
      if (outcome === "slow") stretch = Math.min(2 * stretch, MAX_STRETCH);
      queue.unshift(...batch);
      const patientFromMs = signal.aborted ? Number.POSITIVE_INFINITY : this.#nowMs() - this.#patienceMs[outcome];
      const firstPatient = queue.findIndex(({ askedMs }) => askedMs > patientFromMs);
      const givenUp = queue.splice(0, firstPatient < 0 ? queue.length : firstPatient);
      this.#take(givenUp, undefined);
      if (queue.length === 0) continue;
      this.#repeated += Math.max(0, batch.length - givenUp.length);
      await pause(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
    this.#queues.delete(url);
  }

  #take(batch: readonly Waiting<Question, Answer>[], answers: readonly (Answer | undefined)[] | undefined): void {
    this.#waiting -= batch.length;
    for (const [index, { take }] of batch.entries()) {
      const answer = answers?.[index];
      if (answers === undefined) this.#failed++;
      else if (answer === undefined) this.#absent++;
      else this.#found++;
      take(answer, answers === undefined);
    }
  }

  /** Settles in time whatever becomes of the request. */
  async #request(
    url: string,
    batch: readonly Waiting<Question, Answer>[],
    timeoutMs: number,
  ): Promise<Outcome<Answer>> {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    const { signal } = this.#shutdown;
    const ended = new Promise<Trouble>((resolve) => {
      attempt.signal.addEventListener("abort", () => resolve("slow"), { once: true });
    });
    const timer = setTimeout(end, timeoutMs);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      return await Promise.race([this.#exchange(url, batch, attempt.signal), ended]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
    }
  }

  async #exchange(
    url: string,
    batch: readonly Waiting<Question, Answer>[],
    signal: AbortSignal,
  ): Promise<Outcome<Answer>> {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: this.#wire.writeQuestions(batch.map(({ question }) => question)),
        redirect: "error",
        signal,
      });
      const text = response.body === null ? "" : await readBody(response.body);
      if (response.ok) return this.#wire.readAnswers(text, batch.length);
      return response.status < SERVER_ERRORS ? undefined : "away";
    } catch (error) {
      return error instanceof WireError ? undefined : "away";
    }
  }
}
