import { finished } from "node:stream";
import { createGunzip } from "node:zlib";
import type { ByteSource } from "./byte-source.ts";

/** What was compressed with gzip, in pieces, so that it cannot blow up memory. */
export class Gunzipped implements ByteSource {
  readonly #source: ByteSource;
  readonly #gunzip = createGunzip();

  constructor(source: ByteSource) {
    this.#source = source;
  }

  open(onBytes: (bytes: Buffer) => void, onEnd: (error?: Error) => void): void {
    const [source, gunzip] = [this.#source, this.#gunzip];
    gunzip.on("data", onBytes);
    finished(gunzip, (error) => {
      if (error) source.destroy(error);
      onEnd(error ?? undefined);
    });
    gunzip.on("drain", () => source.resume());
    source.open(
      (bytes) => {
        if (!gunzip.write(Buffer.from(bytes))) source.pause();
      },
      (error) => {
        if (error === undefined) gunzip.end();
        else gunzip.destroy(error);
      },
    );
  }

  pause(): void {
    this.#gunzip.pause();
  }

  resume(): void {
    this.#gunzip.resume();
  }

  destroy(error: Error): void {
    this.#gunzip.destroy(error);
  }
}
