import type { TcpRecords } from "../kernel/tcp-records.ts";
import { processName } from "./process-name.ts";
import { WordTable } from "./word-table.ts";

/** The process behind a listening socket. */
export interface Listener {
  readonly pid: number;
  readonly comm: string;
}

/**
 * Who listens on which port of which network namespace. Accepted sockets are born in softirq and know no process: it
 * is their listener's. With SO_REUSEPORT the last to listen answers.
 */
export class Listeners {
  readonly #places = new WordTable(2);
  readonly #listeners: (Listener & { sockets: number })[] = [];
  readonly #free: number[] = [];

  add(records: TcpRecords, index: number): void {
    this.#ask(records.netns(index), records.localPort(index));
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
    this.#ask(records.netns(index), records.localPort(index));
    const place = this.#places.get();
    const listener = this.#listeners[place];
    if (listener === undefined || --listener.sockets > 0) return;
    this.#places.delete();
    this.#free.push(place);
  }

  get(netns: number, port: number): Listener | undefined {
    this.#ask(netns, port);
    const place = this.#places.get();
    return place < 0 ? undefined : this.#listeners[place];
  }

  #ask(netns: number, port: number): void {
    this.#places.key[0] = netns;
    this.#places.key[1] = port;
  }
}
