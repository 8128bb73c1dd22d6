import { DecodeError } from "./decode-error.ts";
import { openEnvelope } from "./envelope.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

const TYPES = ["MODIFIED", "ADDED", "DELETED", "BOOKMARK", "ERROR"] as const;
export type WatchEventType = (typeof TYPES)[number];

const TYPE_BYTES = TYPES.map((type) => Buffer.from(type));

/**
 * Opens the WatchEvent in `bytes[start, end)`: returns its type and leaves the reader before the fields of its object.
 * Throws DecodeError.
 */
export function openWatchEvent(reader: ProtobufReader, bytes: Buffer, start: number, end: number): WatchEventType {
  reader.open(bytes, start, end);
  let type: WatchEventType | undefined;
  let objectStart = -1;
  let objectEnd = -1;
  while (reader.next()) {
    if (reader.field() === 1) type = readType(reader);
    if (reader.field() !== 2) continue;
    reader.enter();
    while (reader.next()) {
      if (reader.field() !== 1) continue;
      objectStart = reader.valueStart;
      objectEnd = reader.valueEnd;
    }
    reader.leave();
  }
  if (type === undefined) throw new DecodeError("Cannot decode watch event: it has no type");
  if (objectStart < 0) throw new DecodeError(`Cannot decode watch event: ${type} without an object`);
  openEnvelope(reader, bytes, objectStart, objectEnd);
  return type;
}

function readType(reader: ProtobufReader): WatchEventType {
  const type = TYPES[TYPE_BYTES.findIndex((bytes) => reader.is(bytes))];
  if (type !== undefined) return type;
  throw new DecodeError(
    `Cannot decode watch event: type must be one of ${TYPES.join(", ")}, is ${JSON.stringify(reader.text())}`,
  );
}
