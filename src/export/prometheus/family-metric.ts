import type { MetricObjectWithValues, MetricValue } from "prom-client";
import { cleanText } from "../../metrics/clean-text.ts";
import type { MetricFamily } from "../../metrics/family.ts";
import { FamilyText } from "./family-text.ts";
import { formatValue } from "./text-writer.ts";

/**
 * A family as a metric of a prom-client registry. The registry's own output works; `exposition()` knows this class and
 * writes the text without making an object for each series.
 */
export class FamilyMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly text: FamilyText;

  constructor(family: MetricFamily) {
    this.text = new FamilyText(family);
    this.name = this.text.name;
    this.help = family.description;
    this.type = family.kind === "updowncounter" ? "gauge" : family.kind;
  }

  async get(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    const { family } = this.text;
    const values: MetricValue<string>[] = [];
    for (let slot = 0; slot < family.slots; slot++) {
      if (family.generation(slot) !== 0) values.push(...this.#valuesOf(slot));
    }
    // prom-client declares `type` as an enumeration of numbers and holds words.
    return { name: this.name, help: this.help, type: this.type, aggregator: "sum", values } as unknown as Awaited<
      ReturnType<FamilyMetric["get"]>
    >;
  }

  getForPromString(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    return this.get();
  }

  /** Families begin anew on their own: nothing is reset from here. */
  reset(): void {}

  #valuesOf(slot: number): MetricValue<string>[] {
    const { family } = this.text;
    const texts = family.attributes(slot);
    const labels = Object.fromEntries(family.attributeKeys.map((key, i) => [key.label, cleanText(texts[i] ?? "")]));
    if (family.kind !== "histogram") return [{ labels, value: family.value(slot) }];
    const values: (MetricValue<string> & { metricName: string })[] = [];
    let cumulative = 0;
    for (let i = 0; i <= family.bounds.length; i++) {
      cumulative += family.bucket(slot, i);
      const le = formatValue(family.bounds[i] ?? Number.POSITIVE_INFINITY);
      values.push({ metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: cumulative });
    }
    values.push({ metricName: `${this.name}_sum`, labels, value: family.sum(slot) });
    values.push({ metricName: `${this.name}_count`, labels, value: cumulative });
    return values;
  }
}
