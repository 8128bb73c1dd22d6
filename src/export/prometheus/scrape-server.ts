import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { constants, createGzip } from "node:zlib";
import type { Metric, Registry } from "prom-client";
import type { AgentReadings, ScrapeReading } from "../../metrics/agent-readings.ts";
import type { MetricSource } from "../../metrics/metric-source.ts";
import { acceptsGzip } from "./accepts-gzip.ts";
import { CONTENT_TYPE, writeExposition } from "./exposition.ts";
import { FamilyMetric } from "./family-metric.ts";
import { ListenError } from "./listen-error.ts";
import { ScrapeGate } from "./scrape-gate.ts";

/** Alone: the package's index brings what gathers metrics of Node, which is 4 MB. */
const PLAIN_REGISTRY = createRequire(import.meta.url)("prom-client/lib/registry.js") as typeof Registry;

const CONCURRENT_SCRAPES = 2;
const WAITING_SCRAPES = 16;
/** A client that takes nothing for this long loses its connection, and with it its place. */
const STALL_MS = 30_000;
/** Longer than the usual scrape intervals, so that a connection serves more than one scrape. */
const KEEP_ALIVE_MS = 65_000;
/** How long requests under way may go on during shutdown. */
const SHUTDOWN_GRACE_MS = 2_000;

/** How a write ends whose reader has gone, before the stream knows that it is closed. */
const CONNECTION_ERRORS: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ETIMEDOUT"]);

const INDEX = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Weir</title></head><body><h1>Weir</h1><ul>
<li><a href="/metrics">/metrics</a>: what this agent measures</li>
<li><a href="/healthz">/healthz</a>: whether it runs</li>
<li><a href="/readyz">/readyz</a>: whether it measures, or why not yet</li>
</ul></body></html>
`;

/** Reads the request, and ends the response. */
export type Route = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface ScrapeServerOptions {
  /** Address or name to listen on. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly source: MetricSource;
  /** Why the agent does not measure yet, a line each; empty once it does. */
  readonly readiness: () => readonly string[];
  /** Further paths, and who answers there. */
  readonly routes?: ReadonlyMap<string, Route>;
}

/** Serves `/metrics`, `/healthz` and `/readyz` to Prometheus and the kubelet. */
export class ScrapeServer {
  /** Further prom-client metrics may be registered here. */
  readonly registry: Registry;
  readonly #source: MetricSource;
  readonly #readiness: () => readonly string[];
  readonly #server: Server;
  readonly #gate = new ScrapeGate(CONCURRENT_SCRAPES, WAITING_SCRAPES);
  readonly #counts = { served: 0, aborted: 0, rejected: 0, failed: 0 };
  readonly #routes: ReadonlyMap<string, Route> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: ScrapeServerOptions) {
    this.#source = options.source;
    this.#readiness = options.readiness;
    this.#routes = options.routes;
    this.registry = new PLAIN_REGISTRY();
    for (const family of options.source.families) {
      // The registry reads `name` and calls `get()`; the rest of prom-client's class is for counting, which families do.
      this.registry.registerMetric(new FamilyMetric(family) as unknown as Metric);
    }
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /** Listens before it returns. Throws `ListenError` where the address cannot be had. */
  static async start(options: ScrapeServerOptions): Promise<ScrapeServer> {
    const scrapeServer = new ScrapeServer(options);
    const server = scrapeServer.#server;
    server.listen({ host: options.host, port: options.port });
    try {
      await once(server, "listening");
    } catch (error) {
      throw new ListenError(options.host, options.port, error as NodeJS.ErrnoException);
    }
    return scrapeServer;
  }

  /** The port in use, which matters where 0 was asked for. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** How scrapes ended so far; fits `AgentReadings.scrapes`. */
  readonly stats: NonNullable<AgentReadings["scrapes"]> = (): ScrapeReading => ({ ...this.#counts });

  /** Stops listening, lets requests under way finish for a moment, and closes all connections. */
  shutdown(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const grace = setTimeout(() => this.#server.closeAllConnections(), SHUTDOWN_GRACE_MS);
      this.#server.close(() => {
        clearTimeout(grace);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
    return this.#closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?", 1)[0] ?? "";
    const further = this.#routes?.get(path);
    if (further !== undefined) {
      await further(request, response);
      return;
    }
    // A request of an unexpected kind may carry a body: it is read and dropped, so that the connection stays usable.
    request.resume();
    const route = this.#route(path);
    if (route === undefined) {
      send(response, 404, "Not found. There are /metrics, /healthz and /readyz.\n");
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      send(response, 405, `Method ${request.method} is not allowed here.\n`);
    } else {
      await route(request, response);
    }
  }

  #route(path: string): ((request: IncomingMessage, response: ServerResponse) => Promise<void> | void) | undefined {
    switch (path) {
      case "/metrics":
        return (request, response) => this.#scrape(request, response);
      case "/healthz":
        // That this code runs is the proof.
        return (_request, response) => send(response, 200, "ok\n");
      case "/readyz":
        return (_request, response) => this.#ready(response);
      case "/":
        return (_request, response) => send(response, 200, INDEX, "text/html; charset=utf-8");
      default:
        return undefined;
    }
  }

  #ready(response: ServerResponse): void {
    const reasons = this.#readiness();
    if (reasons.length === 0) send(response, 200, "ok\n");
    else send(response, 503, `${reasons.join("\n")}\n`);
  }

  async #scrape(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const leave = await this.#gate.enter();
    if (leave === undefined) {
      this.#counts.rejected++;
      response.setHeader("Retry-After", "1");
      send(response, 503, `More than ${CONCURRENT_SCRAPES + WAITING_SCRAPES} scrapes at once.\n`);
      return;
    }
    response.setTimeout(STALL_MS, () => response.destroy());
    try {
      await this.#write(request, response);
      this.#counts.served++;
    } catch (error) {
      // Only the client, or its stalling, destroys the connection before this does. Its writes end as canceled, then.
      if (request.socket.destroyed || CONNECTION_ERRORS.has((error as NodeJS.ErrnoException).code ?? ""))
        this.#counts.aborted++;
      else this.#counts.failed++;
      // Too late for a status: a cut connection tells the client not to believe what it has.
      response.destroy();
    } finally {
      leave();
    }
  }

  async #write(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("Content-Type", CONTENT_TYPE);
    response.setHeader("Vary", "Accept-Encoding");
    const gzip = acceptsGzip(request.headers["accept-encoding"]);
    if (gzip) response.setHeader("Content-Encoding", "gzip");
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    this.#source.refresh();
    if (!gzip) {
      await writeExposition(this.registry, response);
      return;
    }
    // Level 1: lines resemble each other so much that higher levels cost time and save little.
    const zip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 });
    await Promise.all([writeExposition(this.registry, zip), pipeline(zip, response)]);
  }
}

function send(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(text) });
  response.end(response.req.method === "HEAD" ? undefined : text);
}
