import assert from "node:assert/strict";
import { readStatus } from "../../src/kubernetes/api-status.ts";
import { DecodeError } from "../../src/kubernetes/decode-error.ts";
import { endpointSlices } from "../../src/kubernetes/endpoint-slices.ts";
import { FrameSplitter } from "../../src/kubernetes/frame-splitter.ts";
import { Interner } from "../../src/kubernetes/interner.ts";
import { ListDecoder } from "../../src/kubernetes/list-decoder.ts";
import { nodes } from "../../src/kubernetes/nodes.ts";
import { readBookmark, readIdentity } from "../../src/kubernetes/object-meta.ts";
import { pods } from "../../src/kubernetes/pods.ts";
import { ProtobufReader } from "../../src/kubernetes/protobuf-reader.ts";
import { services } from "../../src/kubernetes/services.ts";
import { openWatchEvent } from "../../src/kubernetes/watch-event.ts";
import { Mutations } from "./mutations.ts";

export interface Outcome {
  /** Decoded although damaged. */
  readonly decoded: number;
  /** Refused with a DecodeError. */
  readonly refused: number;
}

/**
 * Damages `bytes` again and again and decodes them as `shape`. Every run must end in objects or a DecodeError, give no
 * more text than there are bytes, and take steps in proportion to the bytes; anything else fails.
 */
export function decodeMutated(bytes: Buffer, shape: "list" | "watch", iterations: number, seed: number): Outcome {
  const mutations = new Mutations(seed);
  let decoded = 0;
  let refused = 0;
  for (let iteration = 0; iteration < iterations; iteration++) {
    const damaged = mutations.of(bytes);
    const chunkBytes = 1 + mutations.below(damaged.length + 1);
    try {
      if (shape === "list") decodeList(damaged, chunkBytes);
      else decodeWatch(damaged, chunkBytes);
      decoded++;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`seed ${seed}, iteration ${iteration}`, { cause: error });
      refused++;
    }
  }
  return { decoded, refused };
}

const interner = new Interner(1000);
const reader = new ProtobufReader();

/** A damaged length may claim anything: what is left out costs nothing. */
const leftOut = () => {};

function decodeList(bytes: Buffer, chunkBytes: number): void {
  const decoder = new ListDecoder((from, start, end) => {
    for (const { decode } of [pods, services, endpointSlices, nodes]) {
      try {
        checkSize(decode(reader.open(from, start, end), interner), bytes);
      } catch (error) {
        // An object of another kind, or damaged in itself: left out, as the watch does.
        if (!(error instanceof DecodeError)) throw error;
      }
    }
  }, leftOut);
  feed(bytes, chunkBytes, (chunk) => decoder.push(chunk));
  checkSize(decoder.end(), bytes);
}

function decodeWatch(bytes: Buffer, chunkBytes: number): void {
  const splitter = new FrameSplitter((from, start, end) => {
    const type = openWatchEvent(reader, from, start, end);
    if (type === "ERROR") checkSize(readStatus(reader), bytes);
    else if (type === "BOOKMARK") checkSize(readBookmark(reader), bytes);
    else if (type === "DELETED") checkSize(readIdentity(reader, interner), bytes);
    else checkSize(pods.decode(reader, interner), bytes);
  }, leftOut);
  feed(bytes, chunkBytes, (chunk) => splitter.push(chunk));
}

function feed(bytes: Buffer, chunkBytes: number, push: (chunk: Buffer) => void): void {
  for (let at = 0; at < bytes.length; at += chunkBytes) push(bytes.subarray(at, at + chunkBytes));
}

/** JSON adds names and quotes around each value; a value itself cannot be longer than its bytes (U+FFFD: three for one). */
function checkSize(value: unknown, bytes: Buffer): void {
  const { length } = JSON.stringify(value);
  assert.ok(length < 1000 + 64 * bytes.length, `${length} characters out of ${bytes.length} bytes`);
}
