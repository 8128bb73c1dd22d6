/** A setting for OTLP that cannot work: a mistake of the configuration, not of the network. */
export class OtlpConfigError extends Error {
  override readonly name = "OtlpConfigError";
}
