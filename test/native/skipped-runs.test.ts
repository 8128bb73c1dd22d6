import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { bpfObjectPath, loadAddon, type NativeTcpMonitor } from "../../src/kernel/addon.ts";
import { TcpRecords } from "../../src/kernel/tcp-records.ts";
import { connectPeer, type PeerPlace, PeerServer } from "../lab/peer.ts";
import { Program } from "../lab/program.ts";
import { freePort } from "../rig/free-port.ts";
import { waitUntil } from "../rig/wait-until.ts";

const addon = loadAddon();
const { tcpLayout } = addon;

/** All on one CPU, which programs of the second kind take from those of the first at any moment where the kernel lets them. */
const patient = onOneCpu("nice");
const urgent = onOneCpu("chrt", "--fifo", "10");

function onOneCpu(...prefix: string[]): PeerPlace {
  return { start: (argv, options) => Program.start(["taskset", "--cpu-list", "0", ...prefix, ...argv], options) };
}

async function serve(context: TestContext, place: PeerPlace): Promise<number> {
  const port = await freePort();
  const server = await PeerServer.start(place, { port, read: 23, respond: 41 });
  context.after(() => server.stop());
  return port;
}

/** The ends, of connections with one of these ports, that wait. */
function drainEnds(monitor: NativeTcpMonitor, ports: readonly number[]): { id: number; bytes: number }[] {
  const room = new ArrayBuffer(tcpLayout.recordBytes * 1000);
  const ends: { id: number; bytes: number }[] = [];
  for (let bytes = monitor.drain(room); bytes > 0; bytes = monitor.drain(room)) {
    const records = new TcpRecords(tcpLayout, room, bytes);
    for (let index = 0; index < records.length; index++) {
      if (records.kind(index) !== tcpLayout.kinds.closed) continue;
      if (!ports.includes(records.localPort(index)) && !ports.includes(records.remotePort(index))) continue;
      // where the birth was not seen, a client's SYN is a byte
      const isUnborn = (records.flags(index) & tcpLayout.flags.unborn) !== 0;
      const syn = isUnborn && ports.includes(records.remotePort(index)) ? 1 : 0;
      ends.push({ id: records.id(index), bytes: records.sentBytes(index) + records.receivedBytes(index) - syn });
    }
  }
  return ends;
}

// With few elements for connections, those of sockets that are gone do not stay.
for (const maxConnections of [100_000, 2_000]) {
  test(`TcpMonitor.drain() gives every end once where programs are preempted, with ${maxConnections} elements`, async (context) => {
    const monitor = await addon.openTcp({ objectPath: bpfObjectPath("tcp"), maxConnections, ringBytes: 1 << 23 });
    context.after(() => monitor.close());
    const ports = [await serve(context, patient), await serve(context, urgent)] as const;
    const traffic = { to: "127.0.0.1", send: 23, expect: 41 };
    const made = await Promise.all([
      connectPeer(patient, { ...traffic, port: ports[0], count: 6000, concurrency: 32 }),
      connectPeer(urgent, { ...traffic, port: ports[1], count: 4000, ratePerSecond: 3000 }),
    ]);
    assert.deepEqual(
      made.map((it) => it.closed),
      [6000, 4000],
    );
    const ends: { id: number; bytes: number }[] = [];
    await waitUntil(
      () => {
        ends.push(...drainEnds(monitor, ports));
        assert.ok(ends.length >= 20_000, `${ends.length} ends`);
        return true;
      },
      { what: "20 000 ends" },
    );
    assert.equal(ends.length, 20_000);
    assert.equal(new Set(ends.map(({ id }) => id)).size, 20_000);
    assert.deepEqual(new Set(ends.map(({ bytes }) => bytes)), new Set([23 + 41]));
    // what fills the map is not the test's own
    const [ringFull, , endMissed] = monitor.lost();
    assert.deepEqual([ringFull, endMissed], [0, 0]);
    context.diagnostic(`${monitor.statistics().reduce((sum, { missed }) => sum + missed, 0)} runs skipped`);
  });
}
