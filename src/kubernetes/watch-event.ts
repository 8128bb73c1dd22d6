import { DecodeError } from "./decode-error.ts";
import { openEnvelope } from "./envelope.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

const TYPES = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"] as const;
export type WatchEventType = (typeof TYPES)[number];

/**
 * Opens the WatchEvent in `bytes[start, end)`: returns its type and leaves the reader before the fields of its object.
 * Throws DecodeError.
 */
export function openWatchEvent(reader: ProtobufReader, bytes: Buffer, start: number, end: number): WatchEventType {
  reader.open(bytes, start, end);
  let type = "";
  let objectStart = -1;
  let objectEnd = -1;
  while (reader.next()) {
    if (reader.field() === 1) type = reader.text();
    if (reader.field() !== 2) continue;
    reader.enter();
    while (reader.next()) {
      if (reader.field() !== 1) continue;
      objectStart = reader.valueStart;
      objectEnd = reader.valueEnd;
    }
    reader.leave();
  }
  const known = TYPES.find((one) => one === type);
  if (known === undefined) {
    throw new DecodeError(
      `Cannot decode watch event: type must be one of ${TYPES.join(", ")}, is ${JSON.stringify(type)}`,
    );
  }
  if (objectStart < 0) throw new DecodeError(`Cannot decode watch event: ${type} without an object`);
  openEnvelope(reader, bytes, objectStart, objectEnd);
  return known;
}
