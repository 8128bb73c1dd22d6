/**
 * Bytes as they arrive, handed over at once: a stream of Node's costs several times as much for small pieces. Ends by
 * itself, or by `destroy()`.
 */
export interface ByteSource {
  /**
   * Begins. `onBytes` gets what has come, valid during the call; `onEnd` is called once, after the last of it, or with an
   * error, as soon as there is one.
   */
  open(onBytes: (bytes: Buffer) => void, onEnd: (error?: Error) => void): void;
  /** Nothing comes until `resume()`, which may hand over at once what has. */
  pause(): void;
  resume(): void;
  /** Ends it with this error; nothing more comes. Without effect where it has ended. */
  destroy(error: Error): void;
}

/** The first bytes, as many as `limit` of them; the rest is not waited for. Throws what the source failed with. */
export function firstBytes(source: ByteSource, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const have = () => Buffer.concat(pieces).subarray(0, limit);
    source.open(
      (bytes) => {
        pieces.push(Buffer.from(bytes));
        length += bytes.length;
        if (length < limit) return;
        resolve(have());
        source.destroy(new Error(`more than ${limit} bytes`));
      },
      (error) => (error === undefined ? resolve(have()) : reject(error)),
    );
  });
}
