import type { Interner } from "./interner.ts";
import type { ObjectSink } from "./objects.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

/** One kind of object to watch: where the API has it, what is kept of it, and where that goes. */
export interface Resource<Slim extends { readonly uid: string }> {
  /** Plural as in RBAC, such as `pods`. */
  readonly name: string;
  /** Path of the collection over all namespaces, such as `/api/v1/pods`. */
  readonly path: string;
  /** Whether only the objects' metadata is asked for. */
  readonly metadataOnly?: boolean;
  /** Reads one object, before which the reader stands. Throws DecodeError. */
  decode(reader: ProtobufReader, interner: Interner): DecodedObject<Slim>;
  upsert(sink: ObjectSink, object: Slim): void;
  delete(sink: ObjectSink, uid: string): void;
}

export interface DecodedObject<Slim> {
  readonly resourceVersion: string;
  readonly object: Slim;
}

/** For the objects that have none of something: most lists are empty most of the time. */
export const NO_TEXTS: readonly string[] = Object.freeze([]);
