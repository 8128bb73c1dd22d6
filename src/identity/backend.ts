import type { AddressRecord, Backend, SliceRecord } from "./directory-entries.ts";
import type { Endpoint, ServiceRef } from "./endpoint.ts";

/** Whether the address and port were those of a backend of the Service. `port` carries its transport. */
export function isBackendOf(at: AddressRecord, port: number, service: ServiceRef, unixMs: number): boolean {
  for (let backend = at.backends; backend !== undefined; backend = backend.older) {
    if (backend.slice.service === service && wasThere(backend, port, unixMs)) return true;
  }
  return false;
}

/** The UID of the pod that is a backend there; undefined where there is none, or more than one. */
export function backendPodAt(at: AddressRecord, port: number, unixMs: number): string | undefined {
  let uid: string | undefined;
  for (let backend = at.backends; backend !== undefined; backend = backend.older) {
    if (backend.podUid === "" || backend.podUid === uid || !wasThere(backend, port, unixMs)) continue;
    if (uid !== undefined) return undefined;
    uid = backend.podUid;
  }
  return uid;
}

/** What a Service has there that is no pod; undefined where there is nothing, or where Services differ. */
export function externalBackendAt(at: AddressRecord, port: number, unixMs: number): Endpoint | undefined {
  let endpoint: Endpoint | undefined;
  for (let backend = at.backends; backend !== undefined; backend = backend.older) {
    const one = backend.podUid === "" ? backend.slice.endpoint : undefined;
    if (one === undefined || one === endpoint || !wasThere(backend, port, unixMs)) continue;
    if (endpoint !== undefined) return undefined;
    endpoint = one;
  }
  return endpoint;
}

/** Without what was gone before a moment. */
export function pruneBackends(newest: Backend | undefined, beforeMs: number): Backend | undefined {
  const isOld = ({ goneMs }: Backend) => goneMs !== undefined && goneMs < beforeMs;
  let head = newest;
  while (head !== undefined && isOld(head)) head = head.older;
  for (let backend = head; backend !== undefined; ) {
    if (backend.older !== undefined && isOld(backend.older)) backend.older = backend.older.older;
    else backend = backend.older;
  }
  return head;
}

export function countGone(newest: Backend | undefined): number {
  let gone = 0;
  for (let backend = newest; backend !== undefined; backend = backend.older)
    if (backend.goneMs !== undefined) gone += 1;
  return gone;
}

/** What the slice has there now. */
export function openBackend(at: AddressRecord, slice: SliceRecord, podUid: string): Backend | undefined {
  let backend = at.backends;
  while (backend && !(backend.slice === slice && backend.podUid === podUid && backend.goneMs === undefined)) {
    backend = backend.older;
  }
  return backend;
}

function wasThere({ slice, goneMs }: Backend, port: number, unixMs: number): boolean {
  return slice.ports.includes(port) && (goneMs === undefined || unixMs < goneMs);
}
