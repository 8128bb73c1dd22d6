import { peerBinary } from "./peer-binary.ts";
import type { Place } from "./place.ts";
import type { Program, ProgramResult } from "./program.ts";

/** Where an end of the traffic runs. */
export type PeerPlace = Pick<Place, "start">;

/** What one end of the traffic did: the ground truth. */
export interface PeerTotals {
  /** Connections begun (client). */
  readonly attempted: number;
  /** Connections established, or accepted. */
  readonly opened: number;
  readonly closed: number;
  /** Connections never established; the sum of `failures`. */
  readonly failed: number;
  readonly failures: {
    readonly refused: number;
    /** The kernel gave up. */
    readonly timeout: number;
    readonly unreachable: number;
    readonly reset: number;
    /** The program gave up (`giveUpMs`, or it was stopped). */
    readonly gaveUp: number;
    readonly other: number;
  };
  /** Established connections that the other end reset. */
  readonly resets: number;
  /** Established connections whose end of file came before the last byte. */
  readonly shortReads: number;
  /** Requests answered. */
  readonly exchanges: number;
  /** Payload bytes handed to, and taken from, the kernel. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly seconds: number;
}

export interface PeerServerOptions {
  readonly port: number;
  /** Default `::`, which serves IPv4 too. */
  readonly bind?: string;
  /** Bytes of a request; default `"eof"`: all up to the client's end of file. */
  readonly read?: number | "eof";
  /** Bytes of the response; default 0. */
  readonly respond?: number;
  /** See the head of `peer.c`. Default `after-client`. */
  readonly close?: "after-client" | "first" | "reset" | "hold";
  readonly processes?: number;
  /** Ends by itself after so many connections closed. */
  readonly exitAfter?: number;
  /** Sends with sendfile(2). */
  readonly sendfile?: boolean;
}

export interface PeerClientOptions {
  /** IPv4, IPv6, or IPv4-mapped IPv6. */
  readonly to: string;
  readonly port: number;
  /** Connections in all; default 1. */
  readonly count?: number;
  /** At most so many at a time; default 128. */
  readonly concurrency?: number;
  /** At most so many new ones per second; by default no limit. */
  readonly ratePerSecond?: number;
  readonly processes?: number;
  /** Bytes sent on each; default 0. */
  readonly send?: number;
  /** Bytes expected on each, or `"eof"`; default 0. */
  readonly expect?: number | "eof";
  /** `ADDRESS`, or `ADDRESS+N` for N addresses from there on, in turn. */
  readonly source?: string;
  readonly sendfile?: boolean;
  /** shutdown(SHUT_WR) after sending. */
  readonly halfClose?: boolean;
  /** Keeps connections open until stopped. */
  readonly hold?: boolean;
  /** Closes with a RST. */
  readonly reset?: boolean;
  /** The kernel gives up after 1 + 2 + 4 … seconds; 1 makes it 3 s. */
  readonly synRetries?: number;
  /** Closes a socket that has not connected by then. */
  readonly giveUpMs?: number;
}

/** A running `peer serve`. */
export class PeerServer {
  readonly program: Program;

  private constructor(program: Program) {
    this.program = program;
  }

  /** Starts it and waits until it listens. */
  static async start(place: PeerPlace, options: PeerServerOptions): Promise<PeerServer> {
    const { respond, ...rest } = options;
    const program = place.start([await peerBinary(), "serve", ...flags({ ...rest, send: respond })]);
    await program.waitForOutput(/"event":"listening"/);
    return new PeerServer(program);
  }

  /** Stops it, unless it has ended by itself, and returns its totals. Connections that are open are closed. */
  async stop(): Promise<PeerTotals> {
    return totals(this.program, await this.program.stop());
  }

  /** Waits until it ends by itself (`exitAfter`). */
  async finished(): Promise<PeerTotals> {
    return totals(this.program, await this.program.exited);
  }
}

/** A running `peer connect`. */
export class PeerClient {
  readonly program: Program;
  #rounds = 0;

  private constructor(program: Program) {
    this.program = program;
  }

  static async start(place: PeerPlace, options: PeerClientOptions): Promise<PeerClient> {
    return new PeerClient(place.start([await peerBinary(), "connect", ...flags(options)]));
  }

  /** Waits until every connection is held open, its first exchange done (`hold`). */
  async holding(): Promise<void> {
    await this.program.waitForOutput(/"event":"holding"/);
  }

  /** Has every held connection make one more exchange, and waits for it. */
  async nextRound(): Promise<void> {
    this.program.signal("SIGUSR1");
    this.#rounds++;
    await this.program.waitForOutput(new RegExp(`(?:"event":"round"[^]*?){${this.#rounds}}`));
  }

  /** Stops it, once the exchanges under way have ended (a second at most), closing what it holds; returns its totals. */
  async stop(): Promise<PeerTotals> {
    return totals(this.program, await this.program.stop());
  }

  /** Waits until all connections are made and closed. */
  async finished(): Promise<PeerTotals> {
    return totals(this.program, await this.program.exited);
  }
}

/** Runs `peer connect` to its end. */
export async function connectPeer(place: PeerPlace, options: PeerClientOptions): Promise<PeerTotals> {
  return (await PeerClient.start(place, options)).finished();
}

const FLAG_NAMES: Readonly<Record<string, string>> = { ratePerSecond: "rate" };

function flags(options: object): string[] {
  return Object.entries(options).flatMap(([key, value]) => {
    const name = FLAG_NAMES[key] ?? key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, String(value)];
  });
}

function totals(program: Program, { code, stdout, stderr }: ProgramResult): PeerTotals {
  const line = stdout.split("\n").find((text) => text.includes('"event":"totals"'));
  if (!line || code !== 0) {
    throw new Error(`Cannot trust the totals of "${program.argv.join(" ")}", exit code ${code}: ${stderr}${stdout}`);
  }
  const { event: _, ...rest } = JSON.parse(line) as PeerTotals & { event: string };
  return rest;
}
