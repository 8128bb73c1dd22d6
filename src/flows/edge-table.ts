import type { Endpoint, ServiceRef } from "../identity/endpoint.ts";
import type { AttributeKey } from "../metrics/family.ts";
import { type Edge, edgeAttributeKeys, edgeAttributes, OVERFLOW_EDGE } from "./edge.ts";
import { EdgeMetrics } from "./edge-metrics.ts";
import { WordTable } from "./word-table.ts";

export interface EdgeTableOptions {
  /** Edges kept apart; what comes beyond is counted on the overflow edge. */
  readonly maxEdges: number;
  /** An edge without traffic and connections for so long is forgotten, and its series end. */
  readonly idleExpiryMs: number;
  /** Labels that both ends have besides; their values are the endpoints' `chosen`. */
  readonly labels?: readonly AttributeKey[];
}

const OVERFLOW = 0;
/** Of connections whose client nobody here can name, and that another agent counts: it is never shown. */
export const HIDDEN_EDGE = 1;
const FIRST_CAPACITY = 64;

/** All edges, with their metrics by column. Edge 0 is the overflow edge, which is shown once it is used. */
export class EdgeTable {
  readonly metrics: EdgeMetrics;
  readonly #options: EdgeTableOptions;
  /** Numbers of endpoints and Services, which are interned objects, for keys. */
  readonly #numbers = new WeakMap<object, number>();
  #lastNumber = 0;
  readonly #key = new Uint32Array(4);
  readonly #index = new WordTable(4);
  readonly #generationKey = new Uint32Array(1);
  readonly #ofGeneration = new WordTable(1);
  readonly #edges: (Edge | undefined)[] = [OVERFLOW_EDGE, undefined];
  readonly #generations: number[] = [0, 0];
  readonly #created: number[] = [0, 0];
  /** When traffic was last counted on it, 0 where none was. */
  readonly #touched: number[] = [0, 0];
  /** Live connections that hold the edge's index. */
  readonly #pins: number[] = [0, 0];
  readonly #free: number[] = [];
  #lastGeneration = 0;
  /** The edge that was found last: connections of one edge come in bursts. */
  #lastFound = OVERFLOW;
  #capacity = FIRST_CAPACITY;
  #overflowed = 0;

  constructor(options: EdgeTableOptions) {
    this.#options = options;
    const table = this;
    const labels = options.labels ?? [];
    this.metrics = new EdgeMetrics({
      get used() {
        return table.#edges.length;
      },
      attributeKeys: edgeAttributeKeys(labels),
      generation: (edge) => this.#generations[edge] ?? 0,
      hasTraffic: (edge) => this.#touched[edge] !== 0,
      attributes: (edge) => edgeAttributes(this.#edges[edge] ?? OVERFLOW_EDGE, labels.length),
      startUnixMs: (edge) => this.#created[edge] ?? 0,
    });
    for (const family of this.metrics.all) family.reserve(this.#capacity);
  }

  /** Edges in use, the overflow edge not counted. */
  get size(): number {
    return this.#index.size;
  }
  /** How often an edge was refused for want of room. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /** The index of an edge, new or known; the overflow edge's where there is no room. Endpoints and Services are interned. */
  find(
    client: Endpoint,
    server: Endpoint,
    service: ServiceRef | undefined,
    serverPort: number,
    unixMs: number,
  ): number {
    if (this.#is(this.#lastFound, client, server, service, serverPort)) return this.#lastFound;
    const key = this.#keyOf(client, server, service, serverPort);
    const known = this.#index.get(key);
    if (known >= 0) {
      this.#lastFound = known;
      return known;
    }
    if (this.#index.size >= this.#options.maxEdges) {
      this.#overflowed++;
      if (this.#generations[OVERFLOW] === 0) this.#begin(OVERFLOW, OVERFLOW_EDGE, unixMs);
      return OVERFLOW;
    }
    const edge = this.#free.pop() ?? this.#edges.length;
    this.#index.set(key, edge);
    this.#begin(edge, { client, server, service, serverPort }, unixMs);
    return edge;
  }

  get(edge: number): Edge {
    return this.#edges[edge] ?? OVERFLOW_EDGE;
  }

  /** A number that no other edge has had or will have, whatever its index. */
  generation(edge: number): number {
    return this.#generations[edge] ?? 0;
  }
  /** The index of the edge with this generation, or -1 where it was forgotten. */
  ofGeneration(generation: number): number {
    this.#generationKey[0] = generation;
    return this.#ofGeneration.get(this.#generationKey);
  }

  /** Traffic is counted on the edge now. */
  touch(edge: number, unixMs: number): void {
    this.#touched[edge] = unixMs;
  }
  /** Keeps the edge from expiring until `unpin`. */
  pin(edge: number): void {
    this.#pins[edge] = (this.#pins[edge] as number) + 1;
  }
  unpin(edge: number): void {
    this.#pins[edge] = (this.#pins[edge] as number) - 1;
  }

  /** Forgets edges that have been idle for long. The overflow edge stays. */
  expire(unixMs: number): void {
    for (let edge = 1; edge < this.#edges.length; edge++) {
      const known = this.#edges[edge];
      if (known === undefined || (this.#pins[edge] as number) > 0) continue;
      const lastMs = Math.max(this.#created[edge] as number, this.#touched[edge] as number);
      if (unixMs - lastMs < this.#options.idleExpiryMs) continue;
      this.#index.delete(this.#keyOf(known.client, known.server, known.service, known.serverPort));
      this.#edges[edge] = undefined;
      this.#generationKey[0] = this.generation(edge);
      this.#ofGeneration.delete(this.#generationKey);
      this.#generations[edge] = 0;
      for (const family of this.metrics.all) family.clear(edge);
      this.#free.push(edge);
    }
  }

  /** Calls `visit` with every edge in use. */
  forEach(visit: (index: number, edge: Edge) => void): void {
    for (let index = 0; index < this.#edges.length; index++) {
      const edge = this.#edges[index];
      if (edge !== undefined && this.#generations[index] !== 0) visit(index, edge);
    }
  }

  #begin(edge: number, what: Edge, unixMs: number): void {
    while (edge >= this.#capacity) {
      this.#capacity *= 2;
      for (const family of this.metrics.all) family.reserve(this.#capacity);
    }
    this.#edges[edge] = what;
    this.#generations[edge] = ++this.#lastGeneration;
    this.#generationKey[0] = this.#lastGeneration;
    this.#ofGeneration.set(this.#generationKey, edge);
    this.#created[edge] = unixMs;
    this.#touched[edge] = 0;
    this.#pins[edge] = 0;
  }

  #is(edge: number, client: Endpoint, server: Endpoint, service: ServiceRef | undefined, serverPort: number): boolean {
    const known = this.#edges[edge];
    return (
      known !== undefined &&
      known.client === client &&
      known.server === server &&
      known.service === service &&
      known.serverPort === serverPort
    );
  }

  #keyOf(client: Endpoint, server: Endpoint, service: ServiceRef | undefined, serverPort: number): Uint32Array {
    const key = this.#key;
    key[0] = this.#number(client);
    key[1] = this.#number(server);
    key[2] = service === undefined ? 0 : this.#number(service);
    key[3] = serverPort;
    return key;
  }

  #number(interned: object): number {
    let number = this.#numbers.get(interned);
    if (number === undefined) {
      number = ++this.#lastNumber;
      this.#numbers.set(interned, number);
    }
    return number;
  }
}
