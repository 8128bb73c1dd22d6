import type { Identity } from "../identity/endpoint.ts";
import { formatAddress } from "../identity/format-address.ts";
import type { TcpRecords } from "../kernel/tcp-records.ts";
import { localAddress, localSocket, remoteAddress } from "./attribution.ts";
import type { ConnectionEvent, FailureReason } from "./connection-event.ts";
import type { Edge } from "./edge.ts";
import type { HalfReading } from "./half-reading.ts";
import type { Listeners } from "./listeners.ts";
import { processName } from "./process-name.ts";
import type { WallClock } from "./wall-clock.ts";

export interface TellerOptions {
  readonly identity: Identity;
  readonly reading: HalfReading;
  readonly listeners: Listeners;
  readonly clock: WallClock;
  /** Given connections that failed, and with `allConnections` every one that ended. */
  readonly onConnection: ((event: ConnectionEvent) => void) | undefined;
  readonly allConnections: boolean;
}

/** Tells of connections that ended, one by one, to whoever wants spans of them. Allocates: for failures that is little. */
export class ConnectionTeller {
  readonly #options: TellerOptions;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  tell(records: TcpRecords, index: number, edge: Edge, isServer: boolean, failure: FailureReason | undefined): void {
    const { identity, reading, listeners, clock, onConnection, allConnections } = this.#options;
    if (onConnection === undefined || (failure === undefined && !allConnections)) return;
    const { client, server, service } = edge;
    const local = formatAddress(localAddress(records, index));
    const remote = formatAddress(remoteAddress(records, index));
    const establishedNs = records.establishedNs(index);
    const listener = isServer ? listeners.get(records, index) : undefined;
    const sent = reading.sentBytes(records, index, isServer);
    const received = records.receivedBytes(index);
    onConnection({
      observer: isServer ? "server" : "client",
      client,
      server,
      service,
      ownPod: identity.podOf?.(localSocket(records, index, listener)),
      clientAddress: isServer ? remote : local,
      clientPort: isServer ? records.remotePort(index) : records.localPort(index),
      serverAddress: isServer ? local : remote,
      serverPort: isServer ? records.localPort(index) : records.remotePort(index),
      startUnixMs: clock.unixMsOf(records.bornNs(index) || records.atNs(index)),
      establishedUnixMs: establishedNs > 0 ? clock.unixMsOf(establishedNs) : undefined,
      endUnixMs: clock.unixMsOf(records.atNs(index)),
      failure,
      requestBytes: isServer ? received : sent,
      responseBytes: isServer ? sent : received,
      retransmits: records.retransmittedSegments(index),
      pid: records.pid(index) || (listener?.pid ?? 0),
      comm: processName(records, index) || (listener?.comm ?? ""),
      clientIsn: reading.clientIsn(records, index, isServer),
      serverIsn: reading.serverIsn(records, index, isServer),
    });
  }
}
