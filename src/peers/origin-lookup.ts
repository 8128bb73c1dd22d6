import type { ForwardedConnection, Origin } from "../identity/forwarded-connection.ts";
import type { Conntrack } from "../kernel/conntrack.ts";
import { type ConntrackAddress, ConntrackTuples } from "../kernel/conntrack-tuples.ts";
import { tupleOf, wordsOf } from "./conntrack-address.ts";

/**
 * Who opened connections that this node forwards or receives, by its connection tracking. Undefined for those that it does not
 * know, and for questions beyond its budget.
 */
export async function lookUpOrigins(
  conntrack: Conntrack,
  connections: readonly ForwardedConnection[],
): Promise<(Origin | undefined)[]> {
  const origins = new Array<Origin | undefined>(connections.length).fill(undefined);
  const admitted = connections.flatMap((_, index) => (conntrack.admit() ? [index] : []));
  if (admitted.length === 0) return origins;
  const tuples = new ConntrackTuples(conntrack.layout, admitted.length);
  for (const index of admitted) {
    const { server, serverPort, from, fromPort } = connections[index] as ForwardedConnection;
    tuples.add({
      source: tupleOf(server),
      sourcePort: serverPort,
      destination: tupleOf(from),
      destinationPort: fromPort,
    });
  }
  const answers = await conntrack.lookup(tuples, "reply");
  for (const [answer, index] of admitted.entries()) {
    if (!answers.isFound(answer)) continue;
    const { source, destination, destinationPort } = answers.tuple(answer, "original");
    // Whoever connects to an address of its own does so from there. Where IPVS stands for Services, each node has all their
    // addresses, which tell nobody else that it was this one; the address that it came from does.
    const { from } = connections[index] as ForwardedConnection;
    const client = isSame(source, destination) ? from : wordsOf(source);
    origins[index] = { client, address: wordsOf(destination), port: destinationPort };
  }
  return origins;
}

function isSame(one: ConntrackAddress, other: ConntrackAddress): boolean {
  return one.every((word, index) => word === other[index]);
}
