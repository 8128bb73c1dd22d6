/** What a reading must be. */
export type Target = { readonly atLeast: number } | { readonly atMost: number } | { readonly exactly: number };

/** One line of the table. */
export interface Reading {
  readonly what: string;
  readonly value: number;
  /** Empty for ratios and counts. */
  readonly unit: string;
  /** Left out where the number only explains the others. */
  readonly target?: Target;
  /** Noise, and what else belongs to the number. */
  readonly beside: string;
}

export interface BenchOptions {
  /** A look instead of a measurement: shorter loads and fewer rounds. */
  readonly quick: boolean;
}

/** A measurement of the whole agent, chosen by name. */
export interface Bench {
  readonly name: string;
  readonly measure: (options: BenchOptions) => Promise<readonly Reading[]>;
}

export function isMet({ value, target }: Reading): boolean {
  if (target === undefined) return true;
  if ("atLeast" in target) return value >= target.atLeast;
  return "atMost" in target ? value <= target.atMost : value === target.exactly;
}
