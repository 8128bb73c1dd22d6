import type { AttributeKey, MetricFamily, MetricKind } from "../metrics/family.ts";
import { EDGE_ATTRIBUTES } from "./edge.ts";

/** What a family asks of the edges that its series belong to. */
export interface EdgeSlots {
  /** One more than the highest edge index in use. */
  readonly used: number;
  /** `EDGE_ATTRIBUTES` by default. */
  readonly attributeKeys?: readonly AttributeKey[];
  /** Changes whenever the index begins another edge; 0 while it is free. */
  generation(edge: number): number;
  /** Whether any connection's traffic was counted on it; else it has only what one end of a connection has for itself. */
  hasTraffic(edge: number): boolean;
  attributes(edge: number): readonly string[];
  startUnixMs(edge: number): number;
}

export interface EdgeFamilyDefinition {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: MetricKind;
  /** For histograms. */
  readonly bounds?: readonly number[];
  /** One series for each of these values of one more attribute, instead of a single one. */
  readonly variants?: { readonly key: AttributeKey; readonly values: readonly string[] };
  /** Show a series only once it counted something. */
  readonly sparse?: boolean;
}

/**
 * One metric of every edge, by column: series `edge * variants + variant`. Nothing is allocated when counting.
 */
export class EdgeFamily implements MetricFamily {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: MetricKind;
  readonly bounds: readonly number[];
  readonly attributeKeys: readonly AttributeKey[];
  readonly #edges: EdgeSlots;
  readonly #variants: readonly string[];
  readonly #sparse: boolean;
  #values: Float64Array;
  #sums: Float64Array;
  #buckets: Float64Array;

  constructor(definition: EdgeFamilyDefinition, edges: EdgeSlots) {
    this.name = definition.name;
    this.description = definition.description;
    this.unit = definition.unit;
    this.kind = definition.kind;
    this.bounds = definition.bounds ?? [];
    const keys = edges.attributeKeys ?? EDGE_ATTRIBUTES;
    this.attributeKeys = definition.variants ? [...keys, definition.variants.key] : keys;
    this.#variants = definition.variants?.values ?? [""];
    this.#sparse = definition.sparse ?? false;
    this.#edges = edges;
    this.#values = new Float64Array(0);
    this.#sums = new Float64Array(0);
    this.#buckets = new Float64Array(0);
  }

  /** Adds to a counter; `amount` may be negative for an up-down counter. */
  add(edge: number, amount: number, variant = 0): void {
    const slot = edge * this.#variants.length + variant;
    this.#values[slot] = (this.#values[slot] as number) + amount;
  }

  /** Adds an observation, in `unit`, to a histogram. */
  observe(edge: number, observation: number, variant = 0): void {
    const slot = edge * this.#variants.length + variant;
    const bounds = this.bounds;
    let bucket = 0;
    while (bucket < bounds.length && observation > (bounds[bucket] as number)) bucket++;
    const place = slot * (bounds.length + 1) + bucket;
    this.#buckets[place] = (this.#buckets[place] as number) + 1;
    this.#sums[slot] = (this.#sums[slot] as number) + observation;
    this.#values[slot] = (this.#values[slot] as number) + 1;
  }

  /** Makes room for edges below `capacity`. */
  reserve(capacity: number): void {
    const slots = capacity * this.#variants.length;
    const widen = (from: Float64Array, length: number): Float64Array => {
      const into = new Float64Array(length);
      into.set(from);
      return into;
    };
    this.#values = widen(this.#values, slots);
    if (this.kind !== "histogram") return;
    this.#sums = widen(this.#sums, slots);
    this.#buckets = widen(this.#buckets, slots * (this.bounds.length + 1));
  }

  /** Back to nothing, before the index begins another edge. */
  clear(edge: number): void {
    const from = edge * this.#variants.length;
    const to = from + this.#variants.length;
    const places = this.bounds.length + 1;
    this.#values.fill(0, from, to);
    if (this.kind !== "histogram") return;
    this.#sums.fill(0, from, to);
    this.#buckets.fill(0, from * places, to * places);
  }

  get slots(): number {
    return this.#edges.used * this.#variants.length;
  }
  generation(slot: number): number {
    const edge = Math.floor(slot / this.#variants.length);
    const isShown = this.#sparse ? this.#values[slot] !== 0 : this.#edges.hasTraffic(edge);
    return isShown ? this.#edges.generation(edge) : 0;
  }
  attributes(slot: number): readonly string[] {
    const edge = this.#edges.attributes(Math.floor(slot / this.#variants.length));
    return this.#variants.length === 1 ? edge : [...edge, this.#variants[slot % this.#variants.length] as string];
  }
  startUnixMs(slot: number): number {
    return this.#edges.startUnixMs(Math.floor(slot / this.#variants.length));
  }
  value(slot: number): number {
    return this.#values[slot] as number;
  }
  sum(slot: number): number {
    return this.#sums[slot] ?? 0;
  }
  bucket(slot: number, index: number): number {
    return this.#buckets[slot * (this.bounds.length + 1) + index] as number;
  }
}
