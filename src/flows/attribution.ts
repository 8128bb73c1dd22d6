import type { AddressWords, Endpoint, Identity, LocalSocket, RemoteAnswer } from "../identity/endpoint.ts";
import type { TcpRecords } from "../kernel/tcp-records.ts";
import type { Listeners } from "./listeners.ts";
import { processName } from "./process-name.ts";
import { WordTable } from "./word-table.ts";

const MAX_CACHED = 65_536;
/** cgroup id (2), network namespace, port of a server, address (4), process name (4). */
const LOCAL_WORDS = 12;
/** Network namespace, port, address (4). */
const REMOTE_WORDS = 6;

export function localAddress(records: TcpRecords, index: number): AddressWords {
  return {
    w0: records.local(index, 0),
    w1: records.local(index, 1),
    w2: records.local(index, 2),
    w3: records.local(index, 3),
  };
}

export function remoteAddress(records: TcpRecords, index: number): AddressWords {
  return {
    w0: records.remote(index, 0),
    w1: records.remote(index, 1),
    w2: records.remote(index, 2),
    w3: records.remote(index, 3),
  };
}

/** What identity asks to know of the socket that a record was read from. A server's process is its listener's. */
export function localSocket(
  records: TcpRecords,
  index: number,
  listener: { readonly pid: number; readonly comm: string } | undefined,
): LocalSocket {
  return {
    cgroupId: (BigInt(records.cgroupIdHigh(index)) << 32n) | BigInt(records.cgroupIdLow(index)),
    netns: records.netns(index),
    pid: records.pid(index) || (listener?.pid ?? 0),
    comm: processName(records, index) || (listener?.comm ?? ""),
    address: localAddress(records, index),
  };
}

/** What is asked of clients and of servers, by turns as records come: each finds its own last answer fastest. */
class SidedTable {
  readonly client: WordTable;
  readonly server: WordTable;

  constructor(words: number) {
    this.client = new WordTable(words);
    this.server = new WordTable(words);
  }

  clear(): void {
    this.client.clear();
    this.server.clear();
  }
}

/**
 * Who is at the two ends of a record: identity's answers, kept until identity says that one of them may be out of date.
 * Nothing is allocated for an answer that is kept.
 */
export class Attribution {
  readonly #identity: Identity;
  readonly #listeners: Listeners;
  readonly #localKey = new Uint32Array(LOCAL_WORDS);
  readonly #localIndex = new SidedTable(LOCAL_WORDS);
  readonly #locals: Endpoint[] = [];
  readonly #remoteKey = new Uint32Array(REMOTE_WORDS);
  readonly #remoteIndex = new SidedTable(REMOTE_WORDS);
  readonly #remotes: RemoteAnswer[] = [];
  #version = -1;
  /** What is kept is true from here on; moments before are asked about each time. */
  #sinceUnixMs = 0;

  constructor(identity: Identity, listeners: Listeners) {
    this.#identity = identity;
    this.#listeners = listeners;
  }

  /** To be called before each batch. Whether what was kept was dropped: what was asked before may have another answer now. */
  refresh(unixMs: number): boolean {
    if (
      this.#version === this.#identity.version &&
      this.#locals.length < MAX_CACHED &&
      this.#remotes.length < MAX_CACHED
    )
      return false;
    this.#version = this.#identity.version;
    this.#sinceUnixMs = unixMs;
    this.forget();
    return true;
  }

  /** Drops what is kept: for when a listener's process has changed. */
  forget(): void {
    this.#localIndex.clear();
    this.#locals.length = 0;
    this.#remoteIndex.clear();
    this.#remotes.length = 0;
  }

  /** The owner of the socket that the record was read from. A server's process is its listener's. */
  local(records: TcpRecords, index: number, isServer: boolean): Endpoint {
    const key = this.#localKey;
    key[0] = records.cgroupIdLow(index);
    key[1] = records.cgroupIdHigh(index);
    key[2] = records.netns(index);
    key[3] = isServer ? records.localPort(index) : 0;
    for (let word = 0; word < 4; word++) {
      key[4 + word] = records.local(index, word);
      key[8 + word] = records.commWord(index, word);
    }
    const places = isServer ? this.#localIndex.server : this.#localIndex.client;
    const known = places.get(key);
    if (known >= 0) return this.#locals[known] as Endpoint;

    const listener = isServer ? this.#listeners.get(records, index) : undefined;
    const endpoint = this.#identity.local(localSocket(records, index, listener));
    places.set(key, this.#locals.push(endpoint) - 1);
    return endpoint;
  }

  /** Who was at the record's remote address when the connection began; as a server, its port is nobody's Service. */
  remote(records: TcpRecords, index: number, isServer: boolean, unixMs: number): RemoteAnswer {
    const netns = records.netns(index);
    const port = isServer ? 0 : records.remotePort(index);
    if (unixMs < this.#sinceUnixMs) return this.#identity.remote(remoteAddress(records, index), port, netns, unixMs);
    const key = this.#remoteKey;
    key[0] = netns;
    key[1] = port;
    for (let word = 0; word < 4; word++) key[2 + word] = records.remote(index, word);
    const places = isServer ? this.#remoteIndex.server : this.#remoteIndex.client;
    const known = places.get(key);
    if (known >= 0) return this.#remotes[known] as RemoteAnswer;
    const answer = this.#identity.remote(remoteAddress(records, index), port, netns, unixMs);
    places.set(key, this.#remotes.push(answer) - 1);
    return answer;
  }
}
