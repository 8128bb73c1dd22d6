import type { AddressWords } from "./endpoint.ts";

/** A connection to a node's port, as that node gets it. */
export interface NodePortConnection {
  /** The address and port that it comes from, as the node sees them: its client's, or those of the client's node. */
  readonly from: AddressWords;
  readonly fromPort: number;
  /** The node's own. */
  readonly to: AddressWords;
  readonly toPort: number;
}

/** Where a node sent a connection on to. */
export interface BackendSocket {
  readonly address: AddressWords;
  readonly port: number;
}

/**
 * Called once. `backend` is undefined where the node has not sent the connection on, as far as it knows; `failed` says that
 * it could not be asked after all.
 */
export type BackendAnswer = (backend: BackendSocket | undefined, failed: boolean) => void;

/** Knows where other nodes send what comes to their ports. */
export interface NodePortFinder {
  /** False where it cannot ask; then `answer` is not called. It is never called before this has returned. */
  ask(connection: NodePortConnection, answer: BackendAnswer): boolean;
}
