import type { TcpRecords } from "../kernel/tcp-records.ts";
import { processName } from "./process-name.ts";
import { WordTable } from "./word-table.ts";

/** The process behind a listening socket. */
export interface Listener {
  readonly pid: number;
  readonly comm: string;
}

interface KeptListener extends Listener {
  /** Sockets that listen there. */
  sockets: number;
  /** CLOCK_MONOTONIC of its end, 0 while it listens. */
  goneNs: number;
}

/** Network namespace, port, address (4). */
const KEY_WORDS = 6;
/** Third word of an IPv4 address as IPv6 writes it. */
const MAPPED = 0xffff;
/** Listeners kept after their end, for the connections that they accepted. */
const MAX_GONE = 1024;

/**
 * Who listens on which address and port of which network namespace. Accepted sockets are born in softirq and know no
 * process: it is their listener's, also after that stopped listening. With SO_REUSEPORT the last to listen answers.
 */
export class Listeners {
  readonly #key = new Uint32Array(KEY_WORDS);
  readonly #places = new WordTable(KEY_WORDS);
  readonly #listeners: KeptListener[] = [];
  readonly #free: number[] = [];
  /** Those that ended, the oldest first; some may listen again. */
  readonly #gone: { readonly listener: KeptListener; readonly key: Uint32Array }[] = [];

  add(records: TcpRecords, index: number): void {
    this.#askOwn(records, index);
    const known = this.#places.get(this.#key);
    const listener = { pid: records.pid(index), comm: processName(records, index), sockets: 1, goneNs: 0 };
    if (known >= 0) {
      listener.sockets += this.#listeners[known]?.sockets ?? 0;
      this.#listeners[known] = listener;
      return;
    }
    const place = this.#free.pop() ?? this.#listeners.length;
    this.#listeners[place] = listener;
    this.#places.set(this.#key, place);
  }

  remove(records: TcpRecords, index: number): void {
    this.#askOwn(records, index);
    const listener = this.#listeners[this.#places.get(this.#key)];
    if (listener === undefined || listener.sockets === 0 || --listener.sockets > 0) return;
    listener.goneNs = records.atNs(index);
    this.#gone.push({ listener, key: this.#key.slice() });
    if (this.#gone.length > MAX_GONE) this.#forgetOldest();
  }

  /**
   * The listener for the local address and port of a record: of that address itself, else of all addresses. One that
   * ended answers for connections that are older than its end.
   */
  get(records: TcpRecords, index: number): Listener | undefined {
    const bornNs = records.bornNs(index);
    const mapped = records.local(index, 2) === MAPPED;
    this.#askOwn(records, index);
    return (
      this.#asked(bornNs) ?? (mapped ? this.#ofAll(MAPPED, bornNs) : undefined) ?? this.#ofAll(0, bornNs) // a listener on :: serves IPv4 as well
    );
  }

  #askOwn(records: TcpRecords, index: number): void {
    const key = this.#key;
    key[0] = records.netns(index);
    key[1] = records.localPort(index);
    for (let word = 0; word < 4; word++) key[2 + word] = records.local(index, word);
  }

  /** For the namespace and port that were asked about last. */
  #ofAll(thirdWord: number, bornNs: number): Listener | undefined {
    const key = this.#key;
    key.fill(0, 2);
    key[4] = thirdWord;
    return this.#asked(bornNs);
  }

  #asked(bornNs: number): Listener | undefined {
    const listener = this.#listeners[this.#places.get(this.#key)];
    return listener !== undefined && (listener.goneNs === 0 || bornNs <= listener.goneNs) ? listener : undefined;
  }

  #forgetOldest(): void {
    const oldest = this.#gone.shift();
    if (oldest === undefined) return;
    const place = this.#places.get(oldest.key);
    if (this.#listeners[place] !== oldest.listener) return; // it listens again, or is another by now
    this.#places.delete(oldest.key);
    this.#free.push(place);
  }
}
