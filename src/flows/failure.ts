import { constants } from "node:os";
import type { FailureReason } from "./connection-event.ts";

const { ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN } = {
  EHOSTDOWN: 112, // Linux; not in node:os
  ...constants.errno,
};

/** How a connection ended, as the kernel tells it. */
export interface Ending {
  /** From whose socket this was read. */
  readonly observer: "client" | "server";
  readonly established: boolean;
  /** errno of the socket, 0 for none. */
  readonly error: number;
  readonly retransmits: number;
  /** The observing end sent a RST. */
  readonly resetHere: boolean;
}

/**
 * Why a connection failed, or undefined where it ended well.
 *
 * A connect() that its program gave up is a timeout once a SYN had to be sent again (after one second), else `other`. Of an
 * established connection only the server's reset is a failure: clients that are done may well close with one.
 */
export function failureReason(ending: Ending): FailureReason | undefined {
  switch (ending.error) {
    case ECONNREFUSED:
      return "refused";
    case ETIMEDOUT:
      return "timeout";
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
      return "unreachable";
    case ECONNRESET:
    case EPIPE:
      return ending.observer === "client" ? "reset" : undefined;
    case 0:
      if (!ending.established) return ending.retransmits > 0 ? "timeout" : "other";
      return ending.observer === "server" && ending.resetHere ? "reset" : undefined;
    default:
      return "other";
  }
}
