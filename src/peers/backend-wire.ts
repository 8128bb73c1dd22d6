import { formatAddress } from "../identity/format-address.ts";
import type { BackendSocket, NodePortConnection } from "../identity/node-port-connection.ts";
import { AgentWire, readAddress, readPort } from "./agent-wire.ts";

/**
 * Which backends answered. `["10.244.3.7",40123,"192.0.2.1",30080]`: where a connection comes from and that port, the node's
 * address and port; `["10.244.1.5",8080]`: the backend and its port.
 */
export const BACKEND_WIRE = new AgentWire<NodePortConnection, BackendSocket>({
  questionLength: 4,
  writeQuestion: ({ from, fromPort, to, toPort }) => [formatAddress(from), fromPort, formatAddress(to), toPort],
  readQuestion: ([from, fromPort, to, toPort]) => ({
    from: readAddress(from),
    fromPort: readPort(fromPort),
    to: readAddress(to),
    toPort: readPort(toPort),
  }),
  answerLength: 2,
  writeAnswer: ({ address, port }) => [formatAddress(address), port],
  readAnswer: ([address, port]) => ({ address: readAddress(address), port: readPort(port) }),
});
