import type { SlimEndpointSlice } from "../kubernetes/objects.ts";
import type { AddressBook } from "./address-book.ts";
import { openBackend } from "./backend.ts";
import type { AddressRecord, Backend, SliceRecord } from "./directory-entries.ts";
import type { Interner } from "./interner.ts";
import { portKey } from "./port-key.ts";

/** Lists of ports kept to be shared. */
const MAX_PORT_LISTS = 4096;

export interface SliceBookOptions {
  readonly interner: Interner;
  readonly addresses: AddressBook;
}

/**
 * Which (address, port) is a backend of which Service, by the EndpointSlices. What was one stays one for the grace time: the
 * kernel sends connections on to it for as long, and news of it may be late.
 */
export class SliceBook {
  readonly #interner: Interner;
  readonly #addresses: AddressBook;
  readonly #slices = new Map<string, SliceRecord>();
  /** Most slices have the same few. */
  readonly #portLists = new Map<string, readonly number[]>();

  constructor({ interner, addresses }: SliceBookOptions) {
    this.#interner = interner;
    this.#addresses = addresses;
  }

  get size(): number {
    return this.#slices.size;
  }

  upsert(given: SlimEndpointSlice, nowMs: number): void {
    const ports = this.#portList(given.ports.map(({ port, protocol }) => portKey(port, protocol)));
    let slice = this.#slices.get(given.uid);
    // Another Service or other ports: all of it is new.
    if (slice !== undefined && (slice.service.name !== given.serviceName || !same(slice.ports, ports))) {
      this.delete(given.uid, nowMs);
      slice = undefined;
    }
    if (given.serviceName === "") return;
    slice ??= this.#newSlice(given, ports);
    const backends: Backend[] = [];
    for (const { address, podUid } of given.backends) {
      const at = this.#addresses.reach(address);
      if (at === undefined) continue;
      backends.push(openBackend(at, slice, podUid) ?? this.#join(at, slice, podUid));
      if (podUid === "") slice.endpoint ??= this.#interner.endpoint("External", given.namespace, given.serviceName);
    }
    const kept = new Set(backends);
    for (const backend of slice.backends) if (!kept.has(backend)) this.#leave(backend, nowMs);
    slice.backends = [...kept];
  }

  delete(uid: string, nowMs: number): void {
    const slice = this.#slices.get(uid);
    if (slice === undefined) return;
    for (const backend of slice.backends) this.#leave(backend, nowMs);
    this.#slices.delete(uid);
  }

  #newSlice({ uid, namespace, serviceName }: SlimEndpointSlice, ports: readonly number[]): SliceRecord {
    const service = this.#interner.service(namespace, serviceName);
    const slice: SliceRecord = { service, endpoint: undefined, ports, backends: [] };
    this.#slices.set(uid, slice);
    return slice;
  }

  #join(at: AddressRecord, slice: SliceRecord, podUid: string): Backend {
    const backend: Backend = { slice, at, podUid, goneMs: undefined, older: at.backends };
    at.backends = backend;
    if (tellsWho(backend)) this.#addresses.touched(at);
    return backend;
  }

  #leave(backend: Backend, nowMs: number): void {
    backend.goneMs = nowMs;
    if (tellsWho(backend)) this.#addresses.touched(backend.at);
  }

  #portList(ports: readonly number[]): readonly number[] {
    const key = ports.join();
    const known = this.#portLists.get(key);
    if (known !== undefined) return known;
    if (this.#portLists.size >= MAX_PORT_LISTS) this.#portLists.clear();
    this.#portLists.set(key, ports);
    return ports;
  }
}

/** Whether it is by the backend that one knows who is at the address: a pod has one of its own, unless it is on the host's network. */
function tellsWho({ podUid, at }: Backend): boolean {
  return podUid === "" || at.nodes !== undefined;
}

function same(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((port, index) => port === others[index]);
}
