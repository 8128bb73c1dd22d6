import type { Socket } from "node:net";
import { HttpResponse } from "./http-response.ts";
import { ResponseParser } from "./response-parser.ts";

const TCP_KEEPALIVE_MS = 15_000;

/** Where every connection's bytes are read to: what has come is taken before the next read. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);

/** How a socket is to be read, for `net.connect()` and `tls.connect()`. */
export interface ReadOptions {
  readonly buffer: Uint8Array;
  callback(bytes: number, buffer: Uint8Array): boolean;
}

interface Exchange {
  readonly parser: ResponseParser;
  response: HttpResponse | undefined;
  fail(error: Error): void;
}

/**
 * One connection of HTTP/1.1, for one GET after the other. Made for small pieces that come often, as the events of a watch do: with
 * `node:http` each goes through two streams and a parser, which costs twice as much as all else that is done with it.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #exchange: Exchange | undefined;
  #error: Error | undefined;
  #isHeard = false;

  /** `connect` makes the socket; what it throws is thrown. */
  constructor(connect: (onread: ReadOptions) => Socket) {
    const callback = (bytes: number) => {
      this.#take(READ_BUFFER.subarray(0, bytes));
      return true;
    };
    this.#socket = connect({ buffer: READ_BUFFER, callback });
    // Makes the kernel notice a peer that vanished.
    this.#socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("end", () => this.#ended());
    this.#socket.on("close", () => this.#fail(new Error("the connection was closed")));
  }

  /** Whether another request may be sent. */
  get isIdle(): boolean {
    return this.#exchange === undefined && this.#error === undefined;
  }

  /** Whether anything of an answer to the last request has come. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /**
   * Sends a request, of which this is all, and resolves when the head of its answer is there. `onIdle`: the answer has come to
   * its end, and the connection is free for another. Throws what it failed with, or the signal's reason; an abort ends the
   * connection, whatever has come by then.
   */
  get(request: string, signal: AbortSignal, onIdle: () => void): Promise<HttpResponse> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const onAbort = () => this.destroy(signal.reason);
      signal.addEventListener("abort", onAbort);
      const parser = new ResponseParser({
        onHead: (head) => {
          // Nobody reads the body yet.
          this.#socket.pause();
          exchange.response = new HttpResponse(head, {
            pause: () => this.#socket.pause(),
            resume: () => this.#socket.resume(),
            destroy: (error) => this.destroy(error),
          });
          resolve(exchange.response);
        },
        onBody: (bytes) => exchange.response?.take(bytes),
        onEnd: () => {
          signal.removeEventListener("abort", onAbort);
          this.#exchange = undefined;
          exchange.response?.complete();
          if (!parser.isReusable) this.destroy(new Error("the connection is used up"));
          if (!this.isIdle) return;
          this.#socket.resume();
          onIdle();
        },
      });
      const exchange: Exchange = {
        parser,
        response: undefined,
        fail(error) {
          signal.removeEventListener("abort", onAbort);
          reject(error);
          this.response?.fail(error);
        },
      };
      this.#exchange = exchange;
      this.#isHeard = false;
      this.#socket.write(request, "latin1");
    });
  }

  destroy(error: Error): void {
    this.#fail(error);
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    const exchange = this.#exchange;
    this.#isHeard = true;
    try {
      if (exchange === undefined) throw new Error("the server answered what nobody asked");
      exchange.parser.push(bytes);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #ended(): void {
    try {
      this.#exchange?.parser.end();
      this.destroy(new Error("the server ended the connection"));
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#error ??= error;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.fail(error);
  }
}
