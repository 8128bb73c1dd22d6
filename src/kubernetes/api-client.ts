import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";
import type { Credentials, Secrets } from "./credentials.ts";
import { HttpConnection, type ReadOptions } from "./http/http-connection.ts";
import type { HttpResponse } from "./http/http-response.ts";
import { WatchError } from "./watch-error.ts";

const DEFAULT_PORT: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** Connections that prove the same. */
interface Pool {
  readonly secrets: Secrets;
  readonly tls: SecureContext | undefined;
  /** Free, or ended meanwhile; the last used at the end. */
  idle: HttpConnection[];
}

/** GET requests to the API server over kept HTTP/1.1 connections, with credentials as they are at that moment. */
export class ApiClient {
  readonly #credentials: Credentials;
  readonly #metadataOnly: boolean;
  #pool: Pool | undefined;

  /** `metadataOnly`: objects come without spec and status, from a server that can leave them out. */
  constructor(credentials: Credentials, metadataOnly = false) {
    this.#credentials = credentials;
    this.#metadataOnly = metadataOnly;
  }

  /**
   * Resolves when the response's head is there, whatever its status; its body is to be read or discarded. `path` has its query in
   * it. Throws WatchError (`connection`, `credentials`); an abort ends the request or the response.
   */
  async get(path: string, accept: string, signal: AbortSignal): Promise<HttpResponse> {
    const secrets = await this.#credentials.read();
    const response = await this.#send(path, accept, signal, secrets);
    if (response.status !== 401) return response;
    // What was read a moment ago may have been replaced since.
    const newer = await this.#credentials.read();
    if (isSame(newer, secrets)) return response;
    response.discard();
    return await this.#send(path, accept, signal, newer);
  }

  /** Closes idle connections; those in use end by their own signals. */
  close(): void {
    for (const connection of this.#pool?.idle ?? []) connection.destroy(new Error("the client is closed"));
    this.#pool = undefined;
  }

  async #send(path: string, accept: string, signal: AbortSignal, secrets: Secrets): Promise<HttpResponse> {
    signal.throwIfAborted();
    const request = this.#requestFor(path, accept, secrets.token);
    try {
      const pool = this.#poolFor(secrets);
      for (;;) {
        const kept = takeIdle(pool);
        const connection = kept ?? new HttpConnection((onread) => this.#connect(pool, onread));
        try {
          return await connection.get(request, signal, () => this.#keep(pool, connection));
        } catch (error) {
          // The server may just have given up a connection that was idle: that says nothing of the next one.
          if (kept === undefined || kept.isHeard || signal.aborted) throw error;
        }
      }
    } catch (cause) {
      throw connectionError(this.#credentials.server, cause as Error);
    }
  }

  /** All of the request. Throws WatchError (`credentials`) where the token cannot be part of it. */
  #requestFor(path: string, accept: string, token: string | undefined): string {
    const { server } = this.#credentials;
    const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
    const lines = [
      `GET ${url.pathname}${url.search} HTTP/1.1`,
      `Host: ${url.host}`,
      `Accept: ${this.#metadataOnly ? metadataOf(accept) : accept}`,
      "Accept-Encoding: identity",
      "User-Agent: weir",
    ];
    if (token !== undefined) {
      if (!/^[ -~]*$/.test(token)) {
        throw new WatchError(
          "credentials",
          "Cannot use the token: it must be one line of ASCII characters, and is not",
        );
      }
      lines.push(`Authorization: Bearer ${token}`);
    }
    return `${lines.join("\r\n")}\r\n\r\n`;
  }

  #connect({ tls }: Pool, onread: ReadOptions): Socket {
    const { server, serverName, insecureSkipTlsVerify } = this.#credentials;
    const host = server.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = Number(server.port) || DEFAULT_PORT[server.protocol] || 0;
    const where = { host, port, onread };
    if (tls === undefined) return connectTcp(where);
    return connectTls({
      ...where,
      secureContext: tls,
      rejectUnauthorized: !insecureSkipTlsVerify,
      ALPNProtocols: ["http/1.1"],
      // An address is no name to ask for.
      servername: serverName ?? (isIP(host) === 0 ? host : ""),
    });
  }

  /** The connections' pool, begun anew when certificates changed. Throws where they are none, or do not fit each other. */
  #poolFor(secrets: Secrets): Pool {
    const before = this.#pool;
    if (before !== undefined && isSame({ ...before.secrets, token: secrets.token }, secrets)) return before;
    // Those in use serve their watch to its end; idle ones prove who we were.
    this.close();
    const { ca, cert, key } = secrets;
    const tls = this.#credentials.server.protocol === "https:" ? createSecureContext({ ca, cert, key }) : undefined;
    this.#pool = { secrets, tls, idle: [] };
    return this.#pool;
  }

  #keep(pool: Pool, connection: HttpConnection): void {
    if (pool === this.#pool) pool.idle.push(connection);
    else connection.destroy(new Error("it proves what is outdated"));
  }
}

/** The connection that was used last, and still can be. */
function takeIdle(pool: Pool): HttpConnection | undefined {
  pool.idle = pool.idle.filter(({ isIdle }) => isIdle);
  return pool.idle.pop();
}

function isSame(a: Secrets, b: Secrets): boolean {
  return a.ca === b.ca && a.cert === b.cert && a.key === b.key && a.token === b.token;
}

/** Asks for metadata first, and for whole objects where that is not to be had. */
function metadataOf(accept: string): string {
  const kind = accept.includes("stream=watch") ? "PartialObjectMetadata" : "PartialObjectMetadataList";
  return `${accept};as=${kind};g=meta.k8s.io;v=v1,${accept}`;
}

/** Happy-eyeballs errors have an empty message and their reasons inside. */
function connectionError(server: URL, cause: Error): WatchError {
  const reasons = cause instanceof AggregateError ? cause.errors.map((one) => (one as Error).message) : [cause.message];
  return new WatchError("connection", `Cannot reach the API server at ${server.origin}: ${reasons.join("; ")}`, {
    cause,
  });
}
