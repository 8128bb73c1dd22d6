import assert from "node:assert/strict";
import { test } from "node:test";
import { TcpRecords } from "../../src/kernel/tcp-records.ts";
import { batchOf, LAYOUT, type TcpRecord } from "../flows/tcp-record.ts";

const first: TcpRecord = {
  kind: "closed",
  id: 2 ** 53 - 1,
  side: "server",
  flags: ["older", "unborn"],
  local: "10.1.2.3",
  remote: "192.168.4.5",
  localPort: 65_535,
  remotePort: 1,
  localIsn: 0xffffffff,
  remoteIsn: 0x80000000,
  bornNs: 9_007_199_254_740_000,
  establishedNs: 2 ** 32 + 1,
  atNs: 3,
  cgroupId: 2 ** 40 + 5,
  netns: 4_026_531_840,
  pid: 4_194_304,
  comm: "nginx: master pr",
  sentBytes: 2 ** 50 + 1,
  receivedBytes: 2 ** 33,
  sentSegments: 0xfffffffe,
  receivedSegments: 6,
  retransmittedSegments: 7,
  srttUs: 8,
  error: 111,
  state: 9,
  reset: "remote",
};

test("TcpRecords reads each field where the layout says, in any record of the batch", () => {
  const records = batchOf({ kind: "live" }, first);
  assert.equal(records.length, 2);
  const read = {
    kind: records.kind(1),
    id: records.id(1),
    side: records.side(1),
    flags: records.flags(1),
    local: [0, 1, 2, 3].map((word) => records.local(1, word)),
    remote: [0, 1, 2, 3].map((word) => records.remote(1, word)),
    ports: [records.localPort(1), records.remotePort(1)],
    isns: [records.localIsn(1), records.remoteIsn(1)],
    times: [records.bornNs(1), records.establishedNs(1), records.atNs(1)],
    cgroupId: [records.cgroupIdHigh(1), records.cgroupIdLow(1)],
    netns: records.netns(1),
    pid: records.pid(1),
    bytes: [records.sentBytes(1), records.receivedBytes(1)],
    segments: [records.sentSegments(1), records.receivedSegments(1), records.retransmittedSegments(1)],
    srttUs: records.srttUs(1),
    error: records.error(1),
    state: records.state(1),
    reset: records.reset(1),
  };
  assert.deepEqual(read, {
    kind: LAYOUT.kinds.closed,
    id: 2 ** 53 - 1,
    side: LAYOUT.sides.server,
    flags: LAYOUT.flags.older | LAYOUT.flags.unborn,
    local: [0, 0, 0xffff, 0x0a010203],
    remote: [0, 0, 0xffff, 0xc0a80405],
    ports: [65_535, 1],
    isns: [0xffffffff, 0x80000000],
    times: [9_007_199_254_740_000, 2 ** 32 + 1, 3],
    cgroupId: [256, 5],
    netns: 4_026_531_840,
    pid: 4_194_304,
    bytes: [2 ** 50 + 1, 2 ** 33],
    segments: [0xfffffffe, 6, 7],
    srttUs: 8,
    error: 111,
    state: 9,
    reset: LAYOUT.resets.remote,
  });
  assert.equal(records.kind(0), LAYOUT.kinds.live);
  assert.equal(records.id(0), 0);
});

test("TcpRecords.comm() ends at the first zero byte, or after 16 bytes", () => {
  const records = batchOf({ kind: "live", comm: "curl" }, first, { kind: "live" });
  const text = (index: number) => Buffer.from(records.comm(index)).toString();
  assert.deepEqual([text(0), text(1), text(2)], ["curl", "nginx: master pr", ""]);
  assert.equal(records.commWord(0, 0), Buffer.from("curl").readUInt32LE());
  assert.equal(records.commWord(0, 1), 0);
});

test("TcpRecords.copyTo() copies one whole record and nothing beside it", () => {
  const from = batchOf({ kind: "live", id: 1 }, first, { kind: "live", id: 3 });
  const target = batchOf({ kind: "found", id: 7 }, { kind: "found", id: 8 }, { kind: "found", id: 9 });
  from.copyTo(1, target, 1);
  assert.deepEqual([target.id(0), target.id(1), target.id(2)], [7, 2 ** 53 - 1, 9]);
  assert.equal(target.sentBytes(1), 2 ** 50 + 1);
  assert.equal(target.reset(1), LAYOUT.resets.remote);
  assert.deepEqual(target.comm(1), from.comm(1));
});

test("TcpRecords refuses a buffer that ends within a record", () => {
  assert.throws(() => new TcpRecords(LAYOUT, new ArrayBuffer(LAYOUT.recordBytes + 4)), {
    name: "RangeError",
    message: `Cannot read TCP records: expected a multiple of ${LAYOUT.recordBytes} bytes, current value is ${LAYOUT.recordBytes + 4}`,
  });
  assert.equal(new TcpRecords(LAYOUT, new ArrayBuffer(0)).length, 0);
});
