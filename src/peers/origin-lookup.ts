import type { ForwardedConnection, Origin } from "../identity/forwarded-connection.ts";
import type { Conntrack } from "../kernel/conntrack.ts";
import type { ConntrackAddress } from "../kernel/conntrack-tuples.ts";
import { tupleOf, wordsOf } from "./conntrack-address.ts";
import { askConntrack } from "./conntrack-questions.ts";

/**
 * Who opened connections that this node forwards or receives, by its connection tracking. Undefined for those that it does not
 * know, and for questions beyond its budget.
 */
export function lookUpOrigins(
  conntrack: Conntrack,
  connections: readonly ForwardedConnection[],
): Promise<(Origin | undefined)[]> {
  return askConntrack(conntrack, connections, {
    direction: "reply",
    tupleOf: ({ server, serverPort, from, fromPort }) => {
      return {
        source: tupleOf(server),
        sourcePort: serverPort,
        destination: tupleOf(from),
        destinationPort: fromPort,
      };
    },
    answerOf: (answers, index, { from }) => {
      const { source, destination, destinationPort } = answers.tuple(index, "original");
      // Whoever connects to an address of its own does so from there. Where IPVS stands for Services, each node has all their
      // addresses, which tell nobody else that it was this one; the address that it came from does.
      const client = isSame(source, destination) ? from : wordsOf(source);
      return { client, address: wordsOf(destination), port: destinationPort };
    },
  });
}

function isSame(one: ConntrackAddress, other: ConntrackAddress): boolean {
  return one.every((word, index) => word === other[index]);
}
