import { bytes, number } from "./protobuf-bytes.ts";

/** Bytes as the API server writes them, from a few words; field numbers from the .proto files of Kubernetes 1.37. */

export interface MetaWords {
  readonly uid: string;
  readonly resourceVersion?: number;
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owners?: readonly { kind: string; name: string; controller: boolean }[];
}

export function meta(words: MetaWords): Buffer {
  const map = (field: number, entries: Readonly<Record<string, string>> = {}) =>
    Object.entries(entries).map(([key, value]) => bytes(field, [bytes(1, key), bytes(2, value)]));
  return bytes(1, [
    bytes(1, words.name ?? words.uid),
    bytes(2, ""),
    bytes(3, words.namespace ?? "default"),
    bytes(5, words.uid),
    bytes(6, String(words.resourceVersion ?? 1)),
    number(7, 0),
    bytes(8, [number(1, 1_790_000_000), number(2, 0)]),
    ...map(11, words.labels),
    ...map(12, words.annotations),
    ...(words.owners ?? []).map(({ kind, name, controller }) =>
      bytes(13, [bytes(1, kind), bytes(3, name), bytes(4, "u"), bytes(5, "apps/v1"), number(6, controller ? 1 : 0)]),
    ),
    bytes(17, [bytes(1, "kubelet"), bytes(2, "Update")]),
  ]);
}

/** A running pod with one address. */
export function pod(words: MetaWords, ip = "10.1.0.1"): Buffer {
  const spec = bytes(2, [bytes(2, [bytes(1, "app"), bytes(2, "image:1")]), bytes(10, "node-1")]);
  const status = bytes(3, [bytes(1, "Running"), bytes(6, ip), bytes(12, [bytes(1, ip)])]);
  return Buffer.concat([meta(words), spec, status]);
}

/** `k8s\0` and runtime.Unknown around an object. */
export function envelope(kind: string, object: Buffer): Buffer {
  const unknown = [bytes(1, [bytes(1, "v1"), bytes(2, kind)]), bytes(2, object), bytes(3, ""), bytes(4, "")];
  return Buffer.concat([Buffer.from("k8s\0"), ...unknown]);
}

export function list(items: readonly Buffer[], resourceVersion: number, continueToken = ""): Buffer {
  const listMeta = bytes(1, [bytes(1, ""), bytes(2, String(resourceVersion)), bytes(3, continueToken)]);
  return envelope("PodList", Buffer.concat([listMeta, ...items.map((item) => bytes(2, item))]));
}

/** One frame of a watch stream. */
export function event(type: string, object: Buffer, kind = "Pod"): Buffer {
  const body = Buffer.concat([bytes(1, type), bytes(2, [bytes(1, envelope(kind, object))])]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

export function bookmark(resourceVersion: number, initialEventsEnd = false): Buffer {
  const annotations = initialEventsEnd ? { "k8s.io/initial-events-end": "true" } : {};
  return event("BOOKMARK", meta({ uid: "", resourceVersion, annotations }));
}

export function status(code: number, message: string): Buffer {
  return Buffer.concat([bytes(1, []), bytes(2, "Failure"), bytes(3, message), number(6, code)]);
}
