import { DecodeError } from "./decode-error.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

/** The four bytes before every protobuf object of the Kubernetes API: `k8s` and a zero. */
export const MAGIC = Buffer.from("k8s\0");

/**
 * Enters the object in `k8s\0` + runtime.Unknown, in `bytes[start, end)`: the reader then stands before its fields.
 * Returns the object's kind. Throws DecodeError.
 */
export function openEnvelope(reader: ProtobufReader, bytes: Uint8Array, start = 0, end = bytes.length): string {
  checkMagic(bytes, start, end);
  reader.open(bytes, start + MAGIC.length, end);
  let kind = "";
  while (reader.next()) {
    if (reader.field() === 1) kind = readKind(reader);
    else if (reader.field() === 2) {
      reader.enter();
      return kind;
    }
  }
  throw new DecodeError(`Cannot decode ${kind || "object"}: its envelope is empty`);
}

/** The kind in a runtime.TypeMeta field. */
function readKind(reader: ProtobufReader): string {
  let kind = "";
  reader.enter();
  while (reader.next()) if (reader.field() === 2) kind = reader.text();
  reader.leave();
  return kind;
}

export function checkMagic(bytes: Uint8Array, start: number, end: number): void {
  for (let index = 0; index < MAGIC.length; index++) {
    if (start + index < end && bytes[start + index] === MAGIC[index]) continue;
    const found = Buffer.from(bytes.subarray(start, Math.min(start + 8, end))).toString("hex");
    throw new DecodeError(`Cannot decode object: expected it to begin with 6b387300, found ${found || "nothing"}`);
  }
}
