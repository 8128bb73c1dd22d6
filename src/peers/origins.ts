import type { AddressWords } from "../identity/endpoint.ts";
import type { ForwardedConnection, Origin, OriginAnswer, OriginFinder } from "../identity/forwarded-connection.ts";
import type { AgentClient } from "./agent-client.ts";

/** Questions to this node that wait at once. */
const MAX_WAITING = 8_192;

export interface OriginsOptions {
  /** This node's own knowledge; undefined where it has none. */
  readonly lookUp:
    | ((connections: readonly ForwardedConnection[]) => Promise<readonly (Origin | undefined)[]>)
    | undefined;
  readonly client: AgentClient<ForwardedConnection, Origin>;
  /** Where the agent of another node with this address answers; undefined where it is no such node's. */
  readonly agentAt: (address: AddressWords) => string | undefined;
}

interface Question {
  readonly connection: ForwardedConnection;
  readonly answer: OriginAnswer;
}

/**
 * Asks who knows: the agent of the node that a connection seems to come from, or else this node, which may have translated it
 * itself.
 */
export class Origins implements OriginFinder {
  readonly #options: OriginsOptions;
  #queue: Question[] = [];

  constructor(options: OriginsOptions) {
    this.#options = options;
  }

  ask(connection: ForwardedConnection, answer: OriginAnswer): boolean {
    const { client, agentAt, lookUp } = this.#options;
    const agent = agentAt(connection.from);
    if (agent !== undefined) return client.ask(agent, connection, answer);
    if (lookUp === undefined || this.#queue.length >= MAX_WAITING) return false;
    if (this.#queue.push({ connection, answer }) === 1) setImmediate(() => void this.#askHere(lookUp));
    return true;
  }

  /** Everything that was asked in one turn of the event loop at once. */
  async #askHere(lookUp: NonNullable<OriginsOptions["lookUp"]>): Promise<void> {
    const questions = this.#queue;
    this.#queue = [];
    const origins = await lookUp(questions.map(({ connection }) => connection)).catch(() => undefined);
    for (const [index, { answer }] of questions.entries()) answer(origins?.[index], origins === undefined);
  }
}
