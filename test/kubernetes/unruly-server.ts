import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import type { Credentials } from "../../src/kubernetes/credentials.ts";
import { bookmark, list } from "./api-bytes.ts";

export interface Received {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
}

type Handler = (received: Received, response: ServerResponse, index: number) => void;

/** A real HTTP server on loopback that answers for pods whatever a test wants, and well for everything else. */
export class UnrulyServer {
  /** Requests for pods, in their order. */
  readonly podRequests: Received[] = [];
  readonly #server: Server;
  readonly #protocol: string;

  /** `onPods` gets each request for pods and its number, from 0. `onOther` may return true where it has answered. */
  static async start(
    onPods: Handler,
    options: { tls?: ServerOptions; onOther?: (received: Received, response: ServerResponse) => boolean } = {},
  ): Promise<UnrulyServer> {
    const unruly = new UnrulyServer(onPods, options);
    unruly.#server.listen(0, "127.0.0.1");
    await once(unruly.#server, "listening");
    return unruly;
  }

  private constructor(
    onPods: Handler,
    options: { tls?: ServerOptions; onOther?: (received: Received, response: ServerResponse) => boolean },
  ) {
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      const url = new URL(request.url ?? "", "http://localhost");
      const received = { path: url.pathname, query: url.searchParams, headers: request.headers };
      if (url.pathname === "/api/v1/pods") {
        this.podRequests.push(received);
        onPods(received, response, this.podRequests.length - 1);
      } else if (!options.onOther?.(received, response)) emptyForEver(received, response);
    };
    this.#protocol = options.tls === undefined ? "http" : "https";
    this.#server = options.tls === undefined ? createServer(handle) : createTlsServer(options.tls, handle);
  }

  get url(): URL {
    return new URL(`${this.#protocol}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  get credentials(): Credentials {
    const nothing = { ca: undefined, cert: undefined, key: undefined, token: undefined };
    return {
      source: "test",
      server: this.url,
      serverName: undefined,
      insecureSkipTlsVerify: false,
      read: async () => nothing,
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Begins a successful watch. */
export function streamWatch(response: ServerResponse, ...frames: readonly Buffer[]): void {
  response.writeHead(200, { "content-type": "application/vnd.kubernetes.protobuf;stream=watch" });
  response.flushHeaders();
  for (const frame of frames) response.write(frame);
}

export function answerList(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { "content-type": "application/vnd.kubernetes.protobuf" }).end(body);
}

export function answerStatus(
  response: ServerResponse,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, code });
  response.writeHead(code, { "content-type": "application/json", ...headers }).end(body);
}

/** No objects, and no change ever. */
export function emptyForEver(received: Received, response: ServerResponse): void {
  if (!received.query.has("watch")) answerList(response, list([], 1));
  else streamWatch(response, ...(received.query.has("sendInitialEvents") ? [bookmark(1, true)] : []));
}
