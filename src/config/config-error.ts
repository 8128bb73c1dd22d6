/** One thing wrong with the configuration. */
export interface ConfigProblem {
  /** Where it was said: `flag --listen`, `environment WEIR_LISTEN`, `weir.yaml:4`. */
  readonly source: string;
  readonly message: string;
}

/** Thrown with all problems of a configuration at once, so that one correction is enough. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ source, message }) => `${source}: ${message}`).join("\n"));
    this.problems = problems;
  }
}
