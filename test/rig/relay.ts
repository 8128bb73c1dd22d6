import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, TLSSocket, type Server as TlsServer } from "node:tls";

export interface RelayOptions {
  /** Port on 127.0.0.1 that it stands in front of. */
  readonly to: number;
  /** Ends TLS here, with an own certificate, and begins it anew to the port, whose authority is `ca`. Else TLS passes through. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly ca: string };
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** How fast the server's bytes pass. */
interface Trickle {
  readonly bytes: number;
  readonly everyMs: number;
}

/** A relay on loopback that behaves as networks at their worst do. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #server: Server | TlsServer;
  readonly #pairs = new Set<Pair>();
  readonly #vanished = new Set<Socket>();
  #frozen = false;
  #trickle: Trickle | undefined;

  static async start(options: RelayOptions): Promise<Relay> {
    const relay = new Relay(options);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  private constructor(options: RelayOptions) {
    this.#options = options;
    const accept = (client: Socket) => this.#accept(client);
    const { tls } = options;
    this.#server = tls ? createTlsServer({ cert: tls.certificate, key: tls.key }, accept) : createServer(accept);
    this.#server.on("tlsClientError", () => {}); // who does not trust the certificate leaves
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Connections that are relayed. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Another certificate for connections from here on. */
  present(certificate: string, key: string): void {
    (this.#server as TlsServer).setSecureContext({ cert: certificate, key });
  }

  /** Nothing passes any more, in no direction, on connections old and new; nobody is told. */
  freeze(): void {
    this.#frozen = true;
    for (const { client, server } of this.#pairs) {
      client.pause();
      server.pause();
    }
  }

  /** What `freeze()` held back passes. */
  thaw(): void {
    this.#frozen = false;
    for (const { client, server } of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  /** The server's bytes pass in drops, on connections old and new. */
  trickle(trickle: Trickle | undefined): void {
    this.#trickle = trickle;
  }

  /** Breaks every connection. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      for (const socket of [client, server]) {
        if (socket instanceof TLSSocket) socket.destroy();
        else socket.resetAndDestroy();
      }
    }
  }

  /** The peer of every connection goes without a word: those stay half open for ever. New ones are relayed. */
  vanish(): void {
    for (const pair of this.#pairs) {
      this.#pairs.delete(pair);
      this.#vanished.add(pair.client);
      pair.client.removeAllListeners("data").pause();
      pair.server.removeAllListeners("close").destroy();
    }
  }

  async stop(): Promise<void> {
    this.cut();
    for (const client of this.#vanished) client.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    const { to, tls } = this.#options;
    const target = { host: "127.0.0.1", port: to };
    const server = tls ? connectTls({ ...target, ca: tls.ca }) : connect(target);
    const pair = { client, server };
    this.#pairs.add(pair);
    client.on("data", (chunk) => server.write(chunk));
    server.on("data", (chunk: Buffer) => this.#pass(pair, chunk));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => {});
      one.on("end", () => other.end());
      one.on("close", () => {
        this.#pairs.delete(pair);
        other.destroy();
      });
    }
    if (!this.#frozen) return;
    client.pause();
    server.pause();
  }

  #pass(pair: Pair, chunk: Buffer): void {
    const trickle = this.#trickle;
    if (trickle === undefined || chunk.length <= trickle.bytes) {
      pair.client.write(chunk);
      return;
    }
    // Paused, so that nothing overtakes the rest.
    pair.server.pause();
    pair.client.write(chunk.subarray(0, trickle.bytes));
    setTimeout(() => {
      if (pair.client.destroyed) return;
      this.#pass(pair, chunk.subarray(trickle.bytes));
      if (!this.#frozen && chunk.length <= 2 * trickle.bytes) pair.server.resume();
    }, trickle.everyMs);
  }
}
