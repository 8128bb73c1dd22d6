import type { TcpRecords } from "../kernel/tcp-records.ts";
import { processName } from "./process-name.ts";
import { WordTable } from "./word-table.ts";

/** The process behind a listening socket. */
export interface Listener {
  readonly pid: number;
  readonly comm: string;
}

/** Network namespace, port, address (4). */
const KEY_WORDS = 6;
/** Third word of an IPv4 address as IPv6 writes it. */
const MAPPED = 0xffff;

/**
 * Who listens on which address and port of which network namespace. Accepted sockets are born in softirq and know no
 * process: it is their listener's. With SO_REUSEPORT the last to listen answers.
 */
export class Listeners {
  readonly #places = new WordTable(KEY_WORDS);
  readonly #listeners: (Listener & { sockets: number })[] = [];
  readonly #free: number[] = [];

  add(records: TcpRecords, index: number): void {
    this.#askOwn(records, index);
    const known = this.#places.get();
    const listener = { pid: records.pid(index), comm: processName(records, index), sockets: 1 };
    if (known >= 0) {
      listener.sockets += this.#listeners[known]?.sockets ?? 0;
      this.#listeners[known] = listener;
      return;
    }
    const place = this.#free.pop() ?? this.#listeners.length;
    this.#listeners[place] = listener;
    this.#places.set(place);
  }

  remove(records: TcpRecords, index: number): void {
    this.#askOwn(records, index);
    const place = this.#places.get();
    const listener = this.#listeners[place];
    if (listener === undefined || --listener.sockets > 0) return;
    this.#places.delete();
    this.#free.push(place);
  }

  /** The listener for the local address and port of a record: of that address itself, else of all addresses. */
  get(records: TcpRecords, index: number): Listener | undefined {
    this.#askOwn(records, index);
    let place = this.#places.get();
    if (place < 0) place = this.#getOfAll(records.local(index, 2) === MAPPED ? MAPPED : 0);
    if (place < 0) place = this.#getOfAll(0); // a listener on :: serves IPv4 as well
    return place < 0 ? undefined : this.#listeners[place];
  }

  #askOwn(records: TcpRecords, index: number): void {
    const { key } = this.#places;
    key[0] = records.netns(index);
    key[1] = records.localPort(index);
    for (let word = 0; word < 4; word++) key[2 + word] = records.local(index, word);
  }

  /** For the namespace and port that were asked about last. */
  #getOfAll(thirdWord: number): number {
    const { key } = this.#places;
    key.fill(0, 2);
    key[4] = thirdWord;
    return this.#places.get();
  }
}
