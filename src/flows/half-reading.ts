import type { TcpLayout } from "../kernel/addon.ts";
import type { TcpRecords } from "../kernel/tcp-records.ts";
import type { Listeners } from "./listeners.ts";

const TCP_SYN_SENT = 2;
const TCP_SYN_RECV = 3;

/** Where Linux begins to choose ports of clients, unless it is told otherwise. */
const EPHEMERAL_PORTS = 32_768;

/** What a record says of its half of a connection, where it takes more than one field to tell. */
export class HalfReading {
  readonly #layout: TcpLayout;
  readonly #listeners: Listeners;

  constructor(layout: TcpLayout, listeners: Listeners) {
    this.#layout = layout;
    this.#listeners = listeners;
  }

  /**
   * The role of the socket. One whose birth was not seen is a server's where its port is listened on; where nobody listens
   * any more on either port, the end with the port that no client is given by chance.
   */
  isServer(records: TcpRecords, index: number): boolean {
    const { sides } = this.#layout;
    const side = records.side(index);
    if (side !== sides.unknown) return side === sides.server;
    if (this.#listeners.get(records, index) !== undefined) return true;
    return records.localPort(index) < EPHEMERAL_PORTS && records.remotePort(index) >= EPHEMERAL_PORTS;
  }

  /** Also where the kernel's side missed the moment: by the state that it ended from. */
  wasEstablished(records: TcpRecords, index: number): boolean {
    if (records.establishedNs(index) > 0) return true;
    const state = records.state(index);
    return state !== TCP_SYN_SENT && state !== TCP_SYN_RECV;
  }

  isOlder(records: TcpRecords, index: number): boolean {
    return (records.flags(index) & this.#layout.flags.older) !== 0;
  }

  /** Writes both initial sequence numbers, the client's first: what a connection's halves know each other by. */
  writeIsns(records: TcpRecords, index: number, isServer: boolean, into: Uint32Array): void {
    const local = records.localIsn(index);
    const remote = records.remoteIsn(index);
    into[0] = isServer ? remote : local + this.#synByte(records, index);
    into[1] = isServer ? local : remote;
  }

  clientIsn(records: TcpRecords, index: number, isServer: boolean): number {
    if (isServer) return records.remoteIsn(index);
    return (records.localIsn(index) + this.#synByte(records, index)) >>> 0;
  }

  serverIsn(records: TcpRecords, index: number, isServer: boolean): number {
    return isServer ? records.localIsn(index) : records.remoteIsn(index);
  }

  sentBytes(records: TcpRecords, index: number, isServer: boolean): number {
    return isServer ? records.sentBytes(index) : Math.max(0, records.sentBytes(index) - this.#synByte(records, index));
  }

  /** The kernel counts a client's SYN as a byte, and takes it off only where it knows that it is a client. */
  #synByte(records: TcpRecords, index: number): number {
    return records.side(index) === this.#layout.sides.unknown ? 1 : 0;
  }
}
