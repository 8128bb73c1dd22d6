import type { BackendSocket, NodePortConnection } from "../identity/node-port-connection.ts";
import type { Conntrack } from "../kernel/conntrack.ts";
import { ConntrackTuples } from "../kernel/conntrack-tuples.ts";
import { tupleOf, wordsOf } from "./conntrack-address.ts";

/**
 * Which backends answered connections to this node's ports, by its connection tracking. Undefined for those that it does not
 * know or has not translated, and for questions beyond its budget.
 */
export async function lookUpBackends(
  conntrack: Conntrack,
  connections: readonly NodePortConnection[],
): Promise<(BackendSocket | undefined)[]> {
  const backends = new Array<BackendSocket | undefined>(connections.length).fill(undefined);
  const admitted = connections.flatMap((_, index) => (conntrack.admit() ? [index] : []));
  if (admitted.length === 0) return backends;
  const tuples = new ConntrackTuples(conntrack.layout, admitted.length);
  for (const index of admitted) {
    const { from, fromPort, to, toPort } = connections[index] as NodePortConnection;
    tuples.add({ source: tupleOf(from), sourcePort: fromPort, destination: tupleOf(to), destinationPort: toPort });
  }
  const answers = await conntrack.lookup(tuples, "original");
  for (const [answer, index] of admitted.entries()) {
    if (!answers.isFound(answer) || !answers.isTranslated(answer)) continue;
    const { source, sourcePort } = answers.tuple(answer, "reply");
    backends[index] = { address: wordsOf(source), port: sourcePort };
  }
  return backends;
}
