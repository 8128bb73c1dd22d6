import type { BackendSocket, NodePortConnection } from "../identity/node-port-connection.ts";
import type { Conntrack } from "../kernel/conntrack.ts";
import { tupleOf, wordsOf } from "./conntrack-address.ts";
import { askConntrack } from "./conntrack-questions.ts";

/**
 * Which backends answered connections to this node's ports, by its connection tracking. Undefined for those that it does not
 * know or has not translated, and for questions beyond its budget.
 */
export function lookUpBackends(
  conntrack: Conntrack,
  connections: readonly NodePortConnection[],
): Promise<(BackendSocket | undefined)[]> {
  return askConntrack(conntrack, connections, {
    direction: "original",
    tupleOf: ({ from, fromPort, to, toPort }) => {
      return { source: tupleOf(from), sourcePort: fromPort, destination: tupleOf(to), destinationPort: toPort };
    },
    answerOf: (answers, index) => {
      if (!answers.isTranslated(index)) return undefined;
      const { source, sourcePort } = answers.tuple(index, "reply");
      return { address: wordsOf(source), port: sourcePort };
    },
  });
}
