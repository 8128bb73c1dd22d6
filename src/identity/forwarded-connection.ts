import type { AddressWords } from "./endpoint.ts";

/** A connection as its server sees it. */
export interface ForwardedConnection {
  /** The server's own address and port. */
  readonly server: AddressWords;
  readonly serverPort: number;
  /** The address and port that it comes from: its client's, or those of a node that forwards it. */
  readonly from: AddressWords;
  readonly fromPort: number;
}

/** A connection as its client opened it, before any translation. */
export interface Origin {
  readonly client: AddressWords;
  /** What the client asked for: a Service's address and port, where it used one. */
  readonly address: AddressWords;
  readonly port: number;
}

/**
 * Called once. `origin` is undefined where nobody has translated the connection, as far as the one who was asked knows;
 * `failed` says that nobody could be asked after all.
 */
export type OriginAnswer = (origin: Origin | undefined, failed: boolean) => void;

/** Knows who opened connections that nodes forward. */
export interface OriginFinder {
  /** False where it cannot ask; then `answer` is not called. It is never called before this has returned. */
  ask(connection: ForwardedConnection, answer: OriginAnswer): boolean;
}
