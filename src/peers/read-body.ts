import { MAX_BODY_BYTES, WireError } from "./agent-wire.ts";

/**
 * The text of a question or an answer that comes in over the network.
 *
 * @throws {WireError} where it is longer than any may be.
 */
export async function readBody(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new WireError(`Cannot read more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
