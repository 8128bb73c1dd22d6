import type { TcpField, TcpLayout } from "../../src/kernel/addon.ts";
import { TcpRecords } from "../../src/kernel/tcp-records.ts";

/** Bytes of each field, in an order that is not the kernel's: what reads it must go by the layout. */
const WIDTHS: Readonly<Record<TcpField, number>> = {
  reset: 1,
  state: 1,
  kind: 1,
  flags: 1,
  side: 1,
  error: 2,
  remotePort: 2,
  localPort: 2,
  minRttUs: 4,
  srttUs: 4,
  deliveredSegments: 4,
  retransmittedSegments: 4,
  receivedSegments: 4,
  sentSegments: 4,
  remoteIsn: 4,
  localIsn: 4,
  pid: 4,
  netns: 4,
  remote: 16,
  local: 16,
  comm: 16,
  receivedBytes: 8,
  sentBytes: 8,
  atNs: 8,
  cgroupId: 8,
  establishedNs: 8,
  bornNs: 8,
  id: 8,
};

const offsets = {} as Record<TcpField, number>;
let bytes = 4; // something that nobody reads comes first
for (const [field, width] of Object.entries(WIDTHS) as [TcpField, number][]) {
  const alignment = Math.min(width, 8);
  bytes = Math.ceil(bytes / alignment) * alignment;
  offsets[field] = bytes;
  bytes += width;
}

/** A layout that no compiler made, so that flows are tested without the addon. */
export const LAYOUT: TcpLayout = {
  recordBytes: bytes + 8,
  offsets,
  kinds: { closed: 11, live: 12, found: 13, vanished: 14, listen: 15, unlisten: 16 },
  sides: { unknown: 5, client: 6, server: 7 },
  flags: { older: 4, unborn: 8 },
  resets: { none: 3, local: 1, remote: 2 },
  lost: ["ring_full", "map_full", "end_missed"],
};

/** What a record says; what is left out is 0. `local` and `remote` are IPv4 texts. */
export interface TcpRecord {
  readonly kind: keyof TcpLayout["kinds"];
  readonly id?: number;
  readonly side?: keyof TcpLayout["sides"];
  readonly flags?: readonly (keyof TcpLayout["flags"])[];
  readonly local?: string;
  readonly remote?: string;
  readonly localPort?: number;
  readonly remotePort?: number;
  readonly localIsn?: number;
  readonly remoteIsn?: number;
  readonly bornNs?: number;
  readonly establishedNs?: number;
  readonly atNs?: number;
  readonly cgroupId?: number;
  readonly netns?: number;
  readonly pid?: number;
  readonly comm?: string;
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
  readonly sentSegments?: number;
  readonly receivedSegments?: number;
  readonly retransmittedSegments?: number;
  readonly srttUs?: number;
  readonly error?: number;
  readonly state?: number;
  readonly reset?: keyof TcpLayout["resets"];
}

/** One batch, as the addon would hand it over. */
export function batchOf(...records: readonly TcpRecord[]): TcpRecords {
  const buffer = new ArrayBuffer(LAYOUT.recordBytes * records.length);
  records.forEach((record, index) => {
    write(new DataView(buffer, index * LAYOUT.recordBytes, LAYOUT.recordBytes), record);
  });
  return new TcpRecords(LAYOUT, buffer);
}

function write(view: DataView, record: TcpRecord): void {
  view.setUint8(offsets.kind, LAYOUT.kinds[record.kind]);
  view.setUint8(offsets.side, LAYOUT.sides[record.side ?? "unknown"]);
  view.setUint8(offsets.reset, LAYOUT.resets[record.reset ?? "none"]);
  view.setUint8(
    offsets.flags,
    (record.flags ?? []).reduce((bits, flag) => bits | LAYOUT.flags[flag], 0),
  );
  view.setUint8(offsets.state, record.state ?? 0);
  view.setUint16(offsets.error, record.error ?? 0, true);
  view.setUint16(offsets.localPort, record.localPort ?? 0, true);
  view.setUint16(offsets.remotePort, record.remotePort ?? 0, true);
  for (const field of ["local", "remote"] as const) {
    const octets = (record[field] ?? "0.0.0.0").split(".").map(Number);
    view.setUint32(offsets[field] + 8, 0xffff, true);
    view.setUint32(
      offsets[field] + 12,
      octets.reduce((word, octet) => word * 256 + octet, 0),
      true,
    );
  }
  const words = ["localIsn", "remoteIsn", "netns", "pid", "sentSegments", "receivedSegments"] as const;
  for (const field of words) view.setUint32(offsets[field], record[field] ?? 0, true);
  view.setUint32(offsets.retransmittedSegments, record.retransmittedSegments ?? 0, true);
  view.setUint32(offsets.srttUs, record.srttUs ?? 0, true);
  const longs = ["id", "bornNs", "establishedNs", "atNs", "cgroupId", "sentBytes", "receivedBytes"] as const;
  for (const field of longs) view.setBigUint64(offsets[field], BigInt(record[field] ?? 0), true);
  new Uint8Array(view.buffer, view.byteOffset + offsets.comm, 16).set(Buffer.from(record.comm ?? "").subarray(0, 16));
}
