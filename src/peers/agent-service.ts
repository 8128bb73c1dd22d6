import type { IncomingMessage, ServerResponse } from "node:http";
import { parseAddress } from "../identity/address-text.ts";
import type { AddressWords } from "../identity/endpoint.ts";
import { type AgentWire, WireError } from "./agent-wire.ts";
import { readBody } from "./read-body.ts";

export interface AgentServiceOptions<Question, Answer> {
  readonly wire: AgentWire<Question, Answer>;
  /** An answer for each question, undefined where there is none. */
  readonly lookUp: (questions: readonly Question[]) => Promise<readonly (Answer | undefined)[]>;
  /** Agents ask from the addresses of nodes, and nobody else gets an answer. */
  readonly nodes: { areKnown(): boolean; has(address: AddressWords): boolean };
}

/** Answers the agents of other nodes: `POST` with what `AgentClient` asks. */
export class AgentService<Question, Answer> {
  readonly #options: AgentServiceOptions<Question, Answer>;

  constructor(options: AgentServiceOptions<Question, Answer>) {
    this.#options = options;
  }

  /** Always ends the response. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const from = parseAddress(request.socket.remoteAddress ?? "");
    const { nodes } = this.#options;
    if (!nodes.areKnown()) return end(response, 503, "The list of nodes is not complete yet.\n");
    if (from === undefined || !nodes.has(from)) return end(response, 403, "Only for agents of this cluster's nodes.\n");
    if (request.method !== "POST") return end(response, 405, `Method ${request.method} is not allowed here.\n`);
    const { wire, lookUp } = this.#options;
    try {
      const questions = wire.readQuestions(await readBody(request));
      end(response, 200, wire.writeAnswers(await lookUp(questions)), "application/json");
    } catch (error) {
      if (error instanceof WireError) return end(response, 400, `${error.message}\n`);
      end(response, 503, `${(error as Error).message}\n`);
    }
  }
}

function end(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}
