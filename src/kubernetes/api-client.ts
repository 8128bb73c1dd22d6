import * as http from "node:http";
import * as https from "node:https";
import type { Credentials, Secrets } from "./credentials.ts";
import { WatchError } from "./watch-error.ts";

const TCP_KEEPALIVE_MS = 15_000;
/** Nothing is read ahead of who reads: while a stream rests, the kernel keeps what comes. The types do not know the option. */
const NO_READ_AHEAD: object = { highWaterMark: 1 };

/** GET requests to the API server over kept HTTP/1.1 connections, with credentials as they are at that moment. */
export class ApiClient {
  readonly #credentials: Credentials;
  readonly #metadataOnly: boolean;
  #secrets: Secrets | undefined;
  #agent: http.Agent | undefined;

  /** `metadataOnly`: objects come without spec and status, from a server that can leave them out. */
  constructor(credentials: Credentials, metadataOnly = false) {
    this.#credentials = credentials;
    this.#metadataOnly = metadataOnly;
  }

  /**
   * Resolves when the response's head is there, whatever its status. `path` has its query in it. Throws WatchError
   * (`connection`, `credentials`); an abort destroys the request or the response's stream.
   */
  async get(path: string, accept: string, signal: AbortSignal): Promise<http.IncomingMessage> {
    const secrets = await this.#credentials.read();
    const response = await this.#send(path, accept, signal, secrets);
    if (response.statusCode !== 401) return response;
    // What was read a moment ago may have been replaced since.
    const newer = await this.#credentials.read();
    if (isSame(newer, secrets)) return response;
    response.destroy();
    return await this.#send(path, accept, signal, newer);
  }

  #send(path: string, accept: string, signal: AbortSignal, secrets: Secrets): Promise<http.IncomingMessage> {
    const agent = this.#agentFor(secrets);
    signal.throwIfAborted();
    const { server } = this.#credentials;
    const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
    const accepted = this.#metadataOnly ? metadataOf(accept) : accept;
    const headers: http.OutgoingHttpHeaders = { accept: accepted, "accept-encoding": "identity", "user-agent": "weir" };
    if (secrets.token !== undefined) headers.authorization = `Bearer ${secrets.token}`;
    return new Promise((resolve, reject) => {
      const send = url.protocol === "https:" ? https.request : http.request;
      const request = send(url, { agent, headers, signal }, resolve);
      // Makes the kernel notice a peer that vanished; the watch's own timer stays the last word.
      request.setSocketKeepAlive(true, TCP_KEEPALIVE_MS);
      request.on("error", (cause) => reject(connectionError(url, cause)));
      request.end();
    });
  }

  /** Closes idle connections; those in use end by their own signals. */
  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  /** The connections' pool, begun anew when certificates changed. */
  #agentFor(secrets: Secrets): http.Agent {
    const before = this.#secrets;
    if (this.#agent !== undefined && before !== undefined && isSame({ ...before, token: secrets.token }, secrets)) {
      return this.#agent;
    }
    // Connections of the old agent serve their watch to its end; idle ones prove who we were.
    for (const idle of Object.values(this.#agent?.freeSockets ?? {}).flat()) idle?.destroy();
    this.#secrets = secrets;
    if (this.#credentials.server.protocol === "http:") {
      this.#agent = new http.Agent({ keepAlive: true, ...NO_READ_AHEAD });
      return this.#agent;
    }
    const { serverName, insecureSkipTlsVerify } = this.#credentials;
    this.#agent = new https.Agent({
      keepAlive: true,
      ...NO_READ_AHEAD,
      rejectUnauthorized: !insecureSkipTlsVerify,
      ...(secrets.ca === undefined ? {} : { ca: secrets.ca }),
      ...(secrets.cert === undefined ? {} : { cert: secrets.cert }),
      ...(secrets.key === undefined ? {} : { key: secrets.key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    return this.#agent;
  }
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
function connectionError(url: URL, cause: Error): WatchError {
  const reasons = cause instanceof AggregateError ? cause.errors.map((one) => (one as Error).message) : [cause.message];
  return new WatchError("connection", `Cannot reach the API server at ${url.origin}: ${reasons.join("; ")}`, { cause });
}
