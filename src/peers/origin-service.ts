import type { IncomingMessage, ServerResponse } from "node:http";
import { parseAddress } from "../identity/address-text.ts";
import type { AddressWords } from "../identity/endpoint.ts";
import type { ForwardedConnection, Origin } from "../identity/forwarded-connection.ts";
import { readQuestions, WireError, writeOrigins } from "./origin-wire.ts";
import { readBody } from "./read-body.ts";

export interface OriginServiceOptions {
  readonly lookUp: (connections: readonly ForwardedConnection[]) => Promise<readonly (Origin | undefined)[]>;
  /** Whether an address is a node's: agents ask from there, and nobody else gets an answer. */
  readonly isNode: (address: AddressWords) => boolean;
}

/** Answers the agents of other nodes: `POST` with `writeQuestions()`, answered with `writeOrigins()`. */
export class OriginService {
  readonly #options: OriginServiceOptions;

  constructor(options: OriginServiceOptions) {
    this.#options = options;
  }

  /** Always ends the response. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const from = parseAddress(request.socket.remoteAddress ?? "");
    if (from === undefined || !this.#options.isNode(from))
      return end(response, 403, "Only for agents of this cluster's nodes.\n");
    if (request.method !== "POST") return end(response, 405, `Method ${request.method} is not allowed here.\n`);
    try {
      const connections = readQuestions(await readBody(request));
      end(response, 200, writeOrigins(await this.#options.lookUp(connections)), "application/json");
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
