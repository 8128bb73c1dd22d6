import { labelName } from "./label-name.ts";

/** Which labels endpoints have besides namespace, workload and kind. */
export interface EndpointLabelChoice {
  readonly zone: boolean;
  readonly region: boolean;
  readonly node: boolean;
  readonly pod: boolean;
  /** Label names, and the keys of the pods' labels and annotations whose values they show. */
  readonly podLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
  /** How many addresses outside the cluster are shown; 0 for none. */
  readonly externalAddresses: number;
}

/** A label's name, and the attribute's in OpenTelemetry's words, both without the end that they are of. */
export interface EndpointLabel {
  readonly label: string;
  readonly otlp: string;
}

/** What the labels may be taken from. */
interface LabelSource {
  readonly zone?: string;
  readonly region?: string;
  readonly node?: string;
  readonly pod?: string;
  readonly address?: string;
  /** Values of the pod's labels and annotations, in the order of `podLabelKeys` and `podAnnotationKeys`. */
  readonly chosen?: readonly string[];
}

type FixedLabel = Exclude<keyof LabelSource, "chosen">;

/** Different values of one of the pods' labels or annotations, at most; beyond, a value is `(other)`. */
const MAX_VALUES = 1000;
const OTHER = "(other)";
const NONE: readonly string[] = Object.freeze([]);

/** The labels that were chosen, and their values for each endpoint. Made when an endpoint is: counting knows nothing of them. */
export class EndpointLabels {
  readonly labels: readonly EndpointLabel[];
  readonly podLabelKeys: readonly string[];
  readonly podAnnotationKeys: readonly string[];
  readonly #fixed: readonly FixedLabel[];
  readonly #seen: readonly Set<string>[];
  readonly #maxAddresses: number;
  readonly #addresses = new Set<string>();
  #refusals = 0;

  constructor(choice: EndpointLabelChoice) {
    const fixed: readonly [isChosen: boolean, label: FixedLabel, otlp: string][] = [
      [choice.zone, "zone", "cloud.availability_zone"],
      [choice.region, "region", "cloud.region"],
      [choice.node, "node", "k8s.node.name"],
      [choice.pod, "pod", "k8s.pod.name"],
      [choice.externalAddresses > 0, "address", "address"],
    ];
    const chosen = fixed.filter(([isChosen]) => isChosen);
    const named = (what: string, keys: Readonly<Record<string, string>>) =>
      Object.entries(keys).map(([label, key]) => ({ label, otlp: `k8s.pod.${what}.${key}` }));
    this.#fixed = chosen.map(([, label]) => label);
    this.labels = [
      ...chosen.map(([, label, otlp]) => ({ label, otlp })),
      ...named("label", choice.podLabels),
      ...named("annotation", choice.podAnnotations),
    ];
    this.podLabelKeys = Object.values(choice.podLabels);
    this.podAnnotationKeys = Object.values(choice.podAnnotations);
    this.#seen = [...this.podLabelKeys, ...this.podAnnotationKeys].map(() => new Set());
    this.#maxAddresses = choice.externalAddresses;
  }

  /** Values and addresses that became `(other)`. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Different values and addresses that were given out. */
  get size(): number {
    return this.#seen.reduce((sum, { size }) => sum + size, this.#addresses.size);
  }

  /** Whether addresses outside the cluster are shown. */
  get showsAddresses(): boolean {
    return this.#maxAddresses > 0;
  }

  /** The values of `labels`, empty where the endpoint has none. */
  valuesOf(source: LabelSource): readonly string[] {
    if (this.labels.length === 0) return NONE;
    const { chosen = NONE } = source;
    const fixed = this.#fixed.map((label) => this.#fixedValue(label, source[label] ?? ""));
    return [...fixed, ...this.#seen.map((seen, index) => this.#bounded(seen, chosen[index] ?? "", MAX_VALUES))];
  }

  #fixedValue(label: string, value: string): string {
    return label === "address" ? this.#bounded(this.#addresses, value, this.#maxAddresses) : labelName(value);
  }

  #bounded(seen: Set<string>, value: string, limit: number): string {
    if (value === "") return "";
    const name = labelName(value);
    if (seen.has(name)) return name;
    if (seen.size >= limit) {
      this.#refusals += 1;
      return OTHER;
    }
    seen.add(name);
    return name;
  }
}

/** Nothing chosen. */
export const NO_LABELS = new EndpointLabels({
  zone: false,
  region: false,
  node: false,
  pod: false,
  podLabels: {},
  podAnnotations: {},
  externalAddresses: 0,
});
