import { cleanText } from "../../metrics/clean-text.ts";
import type { MetricFamily } from "../../metrics/family.ts";
import { prometheusName } from "../../metrics/metric-name.ts";
import { TextStore } from "./text-store.ts";
import { formatValue, MAX_NUMBER_LENGTH, type TextWriter } from "./text-writer.ts";

/**
 * Prometheus text of one family. What precedes a value on its line is built once for each generation of a slot; a
 * scrape then copies it and appends the number.
 */
export class FamilyText {
  readonly family: MetricFamily;
  /** Prometheus name, with its unit and `_total`. */
  readonly name: string;
  /** The `# HELP` and `# TYPE` lines. */
  readonly header: string;
  /** Lines that each series takes. */
  readonly linesPerSeries: number;
  /** `name{labels} ` of a counter or gauge, `name_bucket{labels` of a histogram. */
  readonly #texts = new TextStore();
  #generations = new Float64Array(0);
  readonly #labelStarts: readonly string[];
  readonly #lineStart: string;
  readonly #bucketEnds: readonly Buffer[];
  readonly #sumStart: Buffer;
  readonly #countStart: Buffer;
  readonly #totalEnd: Buffer;
  readonly #isHistogram: boolean;

  constructor(family: MetricFamily) {
    this.family = family;
    this.name = prometheusName(family.name, family.unit, family.kind);
    this.#isHistogram = family.kind === "histogram";
    this.linesPerSeries = this.#isHistogram ? family.bounds.length + 3 : 1;
    const type = family.kind === "updowncounter" ? "gauge" : family.kind;
    this.header = `# HELP ${this.name} ${escapeHelp(family.description)}\n# TYPE ${this.name} ${type}\n`;
    this.#labelStarts = family.attributeKeys.map((key, i) => `${i === 0 ? "" : ","}${key.label}="`);
    this.#lineStart = this.#isHistogram ? `${this.name}_bucket{` : this.name;
    const isLabelled = family.attributeKeys.length > 0;
    this.#bucketEnds = [...family.bounds, Number.POSITIVE_INFINITY].map((le) =>
      Buffer.from(`${isLabelled ? "," : ""}le="${formatValue(le)}"} `),
    );
    const brace = isLabelled ? "{" : "";
    this.#sumStart = Buffer.from(`${this.name}_sum${brace}`);
    this.#countStart = Buffer.from(`${this.name}_count${brace}`);
    this.#totalEnd = Buffer.from(isLabelled ? "} " : " ");
  }

  /**
   * Writes the lines of the series in slots `from` to `until` (exclusive), as far as there is room. Returns the first
   * slot that is not written; `spaceFor()` tells what that one needs.
   */
  render(from: number, until: number, out: TextWriter): number {
    const { family } = this;
    this.#reserve(until);
    for (let slot = from; slot < until; slot++) {
      const generation = family.generation(slot);
      if (this.#generations[slot] !== generation) this.#renew(slot, generation);
      if (generation === 0) continue;
      if (out.room < this.spaceFor(slot)) return slot;
      if (this.#isHistogram) this.#histogram(slot, out);
      else this.#single(slot, out);
    }
    return until;
  }

  /** The most bytes that a slot's lines take. */
  spaceFor(slot: number): number {
    return (this.#texts.length(slot) + MAX_NUMBER_LENGTH * 2) * this.linesPerSeries;
  }

  /** Bytes of memory kept for line texts. */
  get keptBytes(): number {
    return this.#texts.bytes;
  }

  #single(slot: number, out: TextWriter): void {
    const offset = this.#texts.offset(slot);
    out.copy(this.#texts.page(slot) as Buffer, offset, offset + this.#texts.length(slot));
    out.numberLine(this.family.value(slot));
  }

  #histogram(slot: number, out: TextWriter): void {
    const { family } = this;
    const page = this.#texts.page(slot) as Buffer;
    const offset = this.#texts.offset(slot);
    const length = this.#texts.length(slot);
    const lineAt = out.length;
    let cumulative = 0;
    for (let i = 0; i < this.#bucketEnds.length; i++) {
      if (i === 0) out.copy(page, offset, offset + length);
      else out.repeat(lineAt, length);
      out.copyShort(this.#bucketEnds[i] as Buffer);
      cumulative += family.bucket(slot, i);
      out.numberLine(cumulative);
    }
    const labelsAt = lineAt + this.#lineStart.length;
    const labelsLength = length - this.#lineStart.length;
    out.copyShort(this.#sumStart);
    out.repeat(labelsAt, labelsLength);
    out.copyShort(this.#totalEnd);
    out.numberLine(family.sum(slot));
    out.copyShort(this.#countStart);
    out.repeat(labelsAt, labelsLength);
    out.copyShort(this.#totalEnd);
    // What the buckets add up to, so that the lines of one series always agree.
    out.numberLine(cumulative);
  }

  #renew(slot: number, generation: number): void {
    if (generation === 0) this.#texts.delete(slot);
    else this.#texts.set(slot, this.#text(slot));
    this.#generations[slot] = generation;
  }

  #text(slot: number): string {
    const values = this.family.attributes(slot);
    let labels = "";
    for (let i = 0; i < this.#labelStarts.length; i++) {
      labels += `${this.#labelStarts[i]}${escapeLabel(values[i] ?? "")}"`;
    }
    if (this.#isHistogram) return `${this.#lineStart}${labels}`;
    return labels === "" ? `${this.#lineStart} ` : `${this.#lineStart}{${labels}} `;
  }

  #reserve(slots: number): void {
    if (slots <= this.#generations.length) return;
    const next = new Float64Array(Math.max(64, 2 ** Math.ceil(Math.log2(slots))));
    next.set(this.#generations);
    this.#generations = next;
  }
}

/** A label's value between its quotes. */
export function escapeLabel(value: string): string {
  // One test decides for nearly all values, surrogate pairs included, that nothing is to be done.
  if (!/[\\"\n\0\uD800-\uDFFF]/.test(value)) return value;
  return cleanText(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(text: string): string {
  return cleanText(text).replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
