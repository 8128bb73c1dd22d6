import { DecodeError } from "./decode-error.ts";
import type { Interner } from "./interner.ts";
import type { OwnerReference } from "./objects.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

/** The part of `metadata` that Weir reads. */
export interface ObjectMeta {
  uid: string;
  resourceVersion: string;
  namespace: string;
  name: string;
  /** The owner whose `controller` is true. */
  owner: OwnerReference | undefined;
  /** Values of the labels asked for, in their order; empty where there is none. */
  labels: string[];
  /** Likewise of the annotations; empty, too, where the value is longer than 64 KiB. */
  annotations: string[];
  deleting: boolean;
}

const NONE: readonly Buffer[] = [];
const MAX_ANNOTATION_BYTES = 65_536;
/** Longer texts are hardly ever the same. */
const MAX_INTERNED = 256;

const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/** Keys of labels or annotations as `readObjectMeta()` looks for them. */
export function keyBytes(keys: readonly string[]): readonly Buffer[] {
  return keys.map((key) => Buffer.from(key));
}

/** Reads the ObjectMeta message in the reader's current field; `labels` and `annotations` are the keys of those asked for. Throws DecodeError where it has no uid. */
export function readObjectMeta(
  reader: ProtobufReader,
  interner: Interner,
  labels: readonly Buffer[] = NONE,
  annotations: readonly Buffer[] = NONE,
): ObjectMeta {
  const meta: ObjectMeta = {
    uid: "",
    resourceVersion: "",
    namespace: "",
    name: "",
    owner: undefined,
    labels: labels.map(() => ""),
    annotations: annotations.map(() => ""),
    deleting: false,
  };
  reader.enter();
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        meta.name = reader.text();
        break;
      case 3:
        meta.namespace = interner.intern(reader.text());
        break;
      case 5:
        meta.uid = reader.text();
        break;
      case 6:
        meta.resourceVersion = reader.text();
        break;
      case 9:
        meta.deleting = true;
        break;
      case 11:
        if (labels.length > 0) readEntry(reader, interner, labels, meta.labels);
        break;
      case 12:
        if (annotations.length > 0) readEntry(reader, interner, annotations, meta.annotations);
        break;
      case 13:
        meta.owner = readController(reader, interner) ?? meta.owner;
        break;
    }
  }
  reader.leave();
  if (meta.uid === "") throw new DecodeError(`Cannot decode object ${meta.namespace}/${meta.name}: it has no uid`);
  return meta;
}

/** What a deletion says: which object is gone. The reader stands before an object. */
export function readIdentity(reader: ProtobufReader, interner: Interner): ObjectMeta {
  while (reader.next()) if (reader.field() === 1) return readObjectMeta(reader, interner);
  throw new DecodeError("Cannot decode object: it has no metadata");
}

/** A bookmark: an object with a resource version, and in a WatchList the mark that all initial events were sent. */
export function readBookmark(reader: ProtobufReader): { resourceVersion: string; initialEventsEnd: boolean } {
  const bookmark = { resourceVersion: "", initialEventsEnd: false };
  while (reader.next()) {
    if (reader.field() !== 1) continue;
    reader.enter();
    while (reader.next()) {
      if (reader.field() === 6) bookmark.resourceVersion = reader.text();
      else if (reader.field() === 12) bookmark.initialEventsEnd ||= readMapKey(reader) === INITIAL_EVENTS_END;
    }
    reader.leave();
  }
  if (bookmark.resourceVersion === "") throw new DecodeError("Cannot decode bookmark: it has no resource version");
  return bookmark;
}

/** Seconds since the Unix epoch of a Time message, in the reader's current field; 0 where it has none. */
export function readTimeSeconds(reader: ProtobufReader): number {
  let seconds = 0;
  reader.enter();
  while (reader.next()) if (reader.field() === 1) seconds = reader.uint();
  reader.leave();
  return seconds;
}

/** Annotation values may be long, and are not needed: a key's presence is enough. */
function readMapKey(reader: ProtobufReader): string {
  let key = "";
  reader.enter();
  while (reader.next()) if (reader.field() === 1) key = reader.text();
  reader.leave();
  return key;
}

/** An entry of a map. Keys come before values, and most values are not wanted: some annotations are long. */
function readEntry(reader: ProtobufReader, interner: Interner, wanted: readonly Buffer[], values: string[]): void {
  let index = -1;
  let value = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 1) index = indexOfKey(reader, wanted);
    else if (reader.field() === 2 && index >= 0 && reader.valueEnd - reader.valueStart <= MAX_ANNOTATION_BYTES) {
      value = reader.text(MAX_ANNOTATION_BYTES);
    }
  }
  reader.leave();
  if (index >= 0) values[index] = value.length <= MAX_INTERNED ? interner.intern(value) : value;
}

function indexOfKey(reader: ProtobufReader, wanted: readonly Buffer[]): number {
  for (let index = 0; index < wanted.length; index++) if (reader.is(wanted[index] as Buffer)) return index;
  return -1;
}

function readController(reader: ProtobufReader, interner: Interner): OwnerReference | undefined {
  let kind = "";
  let name = "";
  let uid = "";
  let controller = false;
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 1) kind = reader.text();
    else if (reader.field() === 3) name = reader.text();
    else if (reader.field() === 4) uid = reader.text();
    else if (reader.field() === 6) controller = reader.bool();
  }
  reader.leave();
  if (!controller) return undefined;
  return { kind: interner.intern(kind), name: interner.intern(name), uid: interner.intern(uid) };
}
