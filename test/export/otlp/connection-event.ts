import type { ConnectionEvent } from "../../../src/flows/connection-event.ts";

/** A connection of a shop's frontend to its cart through a Service, which ended well; fields can be changed. */
export function connectionEvent(changes: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return {
    observer: "client",
    client: FRONTEND,
    server: CART,
    ownPod: undefined,
    service: { namespace: "shop", name: "cart-service" },
    clientAddress: "10.244.1.5",
    clientPort: 40_001,
    serverAddress: "10.96.0.23",
    serverPort: 8080,
    startUnixMs: 1_780_000_000_000.25,
    establishedUnixMs: 1_780_000_000_001.5,
    endUnixMs: 1_780_000_000_023.75,
    failure: undefined,
    requestBytes: 104_729,
    responseBytes: 7919,
    retransmits: 3,
    pid: 4711,
    comm: "node",
    clientIsn: 0x89abcdef,
    serverIsn: 0x01234567,
    ...changes,
  };
}

export const FRONTEND = { kind: "Deployment", namespace: "shop", workload: "frontend" };
export const CART = { kind: "StatefulSet", namespace: "shop", workload: "cart" };
