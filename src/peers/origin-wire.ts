import { formatAddress } from "../identity/format-address.ts";
import type { ForwardedConnection, Origin } from "../identity/forwarded-connection.ts";
import { AgentWire, readAddress, readPort } from "./agent-wire.ts";

/**
 * Who opened connections. `["10.244.1.5",8080,"192.0.2.1",40123]`: the server and its port, where it comes from and that port;
 * `["203.0.113.9","192.0.2.1",30080]`: the client, and the address and port that it asked for.
 */
export const ORIGIN_WIRE = new AgentWire<ForwardedConnection, Origin>({
  questionLength: 4,
  writeQuestion: ({ server, serverPort, from, fromPort }) => [
    formatAddress(server),
    serverPort,
    formatAddress(from),
    fromPort,
  ],
  readQuestion: ([server, serverPort, from, fromPort]) => ({
    server: readAddress(server),
    serverPort: readPort(serverPort),
    from: readAddress(from),
    fromPort: readPort(fromPort),
  }),
  answerLength: 3,
  writeAnswer: ({ client, address, port }) => [formatAddress(client), formatAddress(address), port],
  readAnswer: ([client, address, port]) => ({
    client: readAddress(client),
    address: readAddress(address),
    port: readPort(port),
  }),
});
