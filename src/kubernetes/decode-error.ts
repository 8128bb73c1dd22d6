/** Bytes that are not what the Kubernetes API says they should be. The text names the place and what was expected. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}
