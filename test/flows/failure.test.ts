import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import type { FailureReason } from "../../src/flows/connection-event.ts";
import { type Ending, failureReason } from "../../src/flows/failure.ts";

const well: Ending = { observer: "client", established: true, error: 0, retransmits: 0, resetHere: false };
const { ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EACCES } = constants.errno;

const cases: readonly [string, Partial<Ending>, FailureReason | undefined][] = [
  ["a good end as the client sees it", {}, undefined],
  ["a good end as the server sees it", { observer: "server" }, undefined],
  ["a refused connect()", { established: false, error: ECONNREFUSED }, "refused"],
  ["a connect() that the kernel gave up", { established: false, error: ETIMEDOUT }, "timeout"],
  ["a stream that got no acknowledgement", { error: ETIMEDOUT }, "timeout"],
  ["a server's stream that got none", { observer: "server", error: ETIMEDOUT }, "timeout"],
  ["no route to the host", { established: false, error: EHOSTUNREACH }, "unreachable"],
  ["no route to the network", { established: false, error: ENETUNREACH }, "unreachable"],
  ["a host that is down", { established: false, error: 112 }, "unreachable"],
  ["a network that is down", { established: false, error: ENETDOWN }, "unreachable"],
  ["a RST that the client got", { error: ECONNRESET }, "reset"],
  ["a RST that the client got after the server's FIN", { error: EPIPE }, "reset"],
  ["a RST that the server got: a client may be done that way", { observer: "server", error: ECONNRESET }, undefined],
  ["a RST that the server got after the client's FIN", { observer: "server", error: EPIPE }, undefined],
  ["a RST that the server sent", { observer: "server", resetHere: true }, "reset"],
  ["a RST that the client sent", { resetHere: true }, undefined],
  ["a connect() given up by its program at once", { established: false }, "other"],
  ["a connect() given up after a SYN was sent again", { established: false, retransmits: 1 }, "timeout"],
  ["an error of another kind", { error: EACCES }, "other"],
];
for (const [what, ending, reason] of cases) {
  test(`failureReason() of ${what} is ${reason ?? "none"}`, () => {
    assert.equal(failureReason({ ...well, ...ending }), reason);
  });
}
