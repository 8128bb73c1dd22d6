import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { availableParallelism } from "node:os";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bpfObjectPath, loadAddon, type NativeTcpMonitor, type Sweep } from "../../src/kernel/addon.ts";
import { TcpRecords } from "../../src/kernel/tcp-records.ts";
import { connectPeer, type PeerPlace, PeerServer } from "../lab/peer.ts";
import { Program } from "../lab/program.ts";
import { freePort } from "../rig/free-port.ts";
import { copyNode } from "../rig/node-copy.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { bpfDescriptors } from "./bpf-descriptors.ts";
import { compiledBpf } from "./compile-bpf.ts";

const addon = loadAddon();
const { tcpLayout } = addon;
const good = { objectPath: bpfObjectPath("tcp"), maxConnections: 1000, ringBytes: 1 << 20 };
const scratch = new ScratchDirectory();
test.after(() => scratch.remove());

async function opened(context: TestContext, options: Partial<typeof good> = {}): Promise<NativeTcpMonitor> {
  const monitor = await addon.openTcp({ ...good, ...options });
  context.after(() => monitor.close());
  return monitor;
}

/** One connection over loopback: `bytes` there, `bytes` back. Gives the server's port. */
async function exchange(bytes: number): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect(port, "127.0.0.1");
  client.end(Buffer.alloc(bytes)).resume();
  await once(client, "close");
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Collects until there are `count` records of a kind with this port on either end. */
async function recordsOf(monitor: NativeTcpMonitor, port: number, kind: number, count: number) {
  const found: { records: TcpRecords; index: number }[] = [];
  await waitUntil(
    async () => {
      const records = new TcpRecords(tcpLayout, await monitor.collect("none"));
      for (let index = 0; index < records.length; index++) {
        if (records.kind(index) !== kind) continue;
        if (records.localPort(index) === port || records.remotePort(index) === port) found.push({ records, index });
      }
      return found.length >= count;
    },
    { what: `${count} records of port ${port}` },
  );
  return found;
}

// ---- layout ----

test("tcpLayout has offsets within the record, aligned, without two fields in one place", () => {
  const offsets = Object.entries(tcpLayout.offsets);
  assert.equal(offsets.length, 28);
  assert.equal(tcpLayout.recordBytes % 8, 0);
  assert.equal(new Set(offsets.map(([, offset]) => offset)).size, offsets.length);
  for (const [field, offset] of offsets) {
    assert.ok(Number.isInteger(offset) && offset >= 0 && offset < tcpLayout.recordBytes, field);
    if (/Ns$|Bytes$|^id$|cgroupId/.test(field)) assert.equal(offset % 8, 0, field);
    if (/Us$|Segments$|Isn$|netns|pid|^local$|^remote$/.test(field)) assert.equal(offset % 4, 0, field);
    if (/Port$|error/.test(field)) assert.equal(offset % 2, 0, field);
  }
});

test("tcpLayout gives each word of an enumeration a number of its own", () => {
  for (const words of [tcpLayout.kinds, tcpLayout.sides, tcpLayout.flags, tcpLayout.resets]) {
    assert.equal(new Set(Object.values(words)).size, Object.keys(words).length);
  }
  assert.deepEqual(tcpLayout.lost, ["ring_full", "map_full", "end_missed"]);
});

// ---- wrong arguments ----

const range = "expected an integer from 1 to 4294967295, current value is";
const wrong: readonly [unknown, string][] = [
  [undefined, "openTcp: expected an options object"],
  [null, "openTcp: expected an options object"],
  ["tcp", "openTcp: expected an options object"],
  [{}, "openTcp.objectPath: expected a string"],
  [{ ...good, objectPath: 5 }, "openTcp.objectPath: expected a string"],
  [{ ...good, maxConnections: undefined }, `openTcp.maxConnections: ${range} undefined`],
  [{ ...good, maxConnections: "1000" }, `openTcp.maxConnections: ${range} 1000`],
  [{ ...good, maxConnections: 0 }, `openTcp.maxConnections: ${range} 0`],
  [{ ...good, maxConnections: 1.5 }, `openTcp.maxConnections: ${range} 1.5`],
  [{ ...good, maxConnections: Number.NaN }, `openTcp.maxConnections: ${range} NaN`],
  [{ ...good, ringBytes: -1 }, `openTcp.ringBytes: ${range} -1`],
  [{ ...good, ringBytes: 2 ** 32 }, `openTcp.ringBytes: ${range} 4294967296`],
  [{ ...good, ringBytes: Number.POSITIVE_INFINITY }, `openTcp.ringBytes: ${range} Infinity`],
];
for (const [options, message] of wrong) {
  test(`openTcp() throws "${message}"`, () => {
    assert.throws(() => addon.openTcp(options as typeof good), { name: "TypeError", message });
  });
}

test("openTcp() lets an error of the caller's own pass", () => {
  const mine = new Error("mine");
  const options = {
    ...good,
    get ringBytes(): number {
      throw mine;
    },
  };
  assert.throws(() => addon.openTcp(options), mine);
  assert.throws(() => addon.openTcp({ ...good, ringBytes: Symbol("x") as unknown as number }), TypeError);
});

test("measureRunTime() wants a boolean", () => {
  for (const value of [undefined, 1, "true"]) {
    assert.throws(() => addon.measureRunTime(value as unknown as boolean), {
      name: "TypeError",
      message: "measureRunTime(on): expected a boolean",
    });
  }
});

test("TcpMonitor.collect() names the sweeps that there are, and the value that it got", async (context) => {
  const monitor = await opened(context);
  for (const value of ["some", undefined, 1, null]) {
    assert.throws(() => monitor.collect(value as "none"), {
      name: "TypeError",
      message: `collect(sweep): expected "none", "changed" or "all", current value is ${value}`,
    });
  }
});

test("TcpMonitor is made by openTcp() only, and its methods serve no other object", async (context) => {
  const monitor = await opened(context);
  const { constructor: Monitor } = monitor as unknown as { constructor: new (...given: unknown[]) => unknown };
  for (const given of [[], [{}], [monitor]]) {
    assert.throws(() => new Monitor(...given), { name: "TypeError", message: /made by openTcp/ });
  }
  for (const method of ["survey", "collect", "drain", "lost", "programs", "statistics", "maps", "close"] as const) {
    assert.throws(() => Reflect.apply(monitor[method], {}, ["none"]));
    assert.throws(() => Reflect.apply(monitor[method], undefined, ["none"]));
  }
});

// ---- what cannot be opened ----

test("openTcp() says that there is no such object", async () => {
  await assert.rejects(addon.openTcp({ ...good, objectPath: "/nowhere/tcp.bpf.o" }), {
    code: "ERR_WEIR_OBJECT",
    errno: 2,
    operation: "open the BPF object /nowhere/tcp.bpf.o",
    message: /^Cannot open the BPF object \/nowhere\/tcp\.bpf\.o: No such file or directory/,
  });
});

test("openTcp() says that a file is no BPF object", async () => {
  await assert.rejects(addon.openTcp({ ...good, objectPath: fileURLToPath(import.meta.url) }), {
    code: "ERR_WEIR_OBJECT",
    message: /BPF object format invalid/,
    log: /is not a proper ELF object/,
  });
});

test("openTcp() says which map an object lacks", async () => {
  const objectPath = compiledBpf("alien.bpf.c");
  await assert.rejects(addon.openTcp({ ...good, objectPath }), {
    code: "ERR_WEIR_OBJECT",
    errno: 2,
    message: "Cannot find the BPF map connections: No such file or directory",
  });
});

test("openTcp() says why a map of that size cannot be had", async () => {
  for (const [size, errno, map] of [
    [{ maxConnections: 2 ** 32 - 1 }, 7, "connections"],
    [{ ringBytes: 2 ** 32 - 1 }, 22, "records"],
  ] as const) {
    await assert.rejects(
      addon.openTcp({ ...good, ...size }),
      (error: Error & { code: string; errno: number; log: string }) => {
        assert.equal(error.code, "ERR_WEIR_LOAD");
        assert.equal(error.errno, errno);
        assert.match(error.log, new RegExp(`map '${map}': failed to create`));
        return true;
      },
    );
  }
  assert.deepEqual(bpfDescriptors(), {}, "nothing is left of a failure");
});

test("openTcp() rounds a ring's size up to a power of two, as libbpf does", async (context) => {
  const monitor = await opened(context, { ringBytes: 100_000 });
  assert.equal(monitor.maps().find(({ name }) => name === "records")?.maxEntries, 131_072);
});

test("openTcp() reports a program that the kernel refuses, with the verifier's last lines, and loads the others", async (context) => {
  const objectPath = compiledBpf("refused.bpf.c");
  const monitor = await opened(context, { objectPath });
  const programs = new Map(monitor.programs().map((program) => [program.name, program]));
  assert.equal(programs.get("tcp_state")?.state, "attached");
  assert.equal(programs.get("tcp_sweep")?.state, "loaded");
  assert.equal(programs.get("tcp_survey")?.state, "loaded");
  const far = programs.get("reads_too_far");
  assert.equal(far?.state, "failed");
  assert.equal(far?.hook, "tp_btf/inet_sock_set_state");
  assert.match(far?.detail ?? "", /^cannot load: Permission denied\n/);
  assert.match(far?.detail ?? "", /access beyond struct|invalid bpf_context access|off=4000000/);
  assert.ok((far?.detail ?? "").split("\n").length <= 25, "the last lines only");
  const nothing = programs.get("hooks_on_nothing");
  assert.equal(nothing?.state, "failed");
  assert.match(nothing?.detail ?? "", /^cannot load: .*\n.*weir_no_such_tracepoint/s);

  const port = await exchange(23);
  assert.equal((await recordsOf(monitor, port, tcpLayout.kinds.closed, 2)).length, 2);
});

// ---- what it gives ----

test("TcpMonitor.collect() gives both ends of a connection, with exact bytes and each other's numbers", async (context) => {
  const monitor = await opened(context);
  const port = await exchange(104_729);
  const ends = await recordsOf(monitor, port, tcpLayout.kinds.closed, 2);
  assert.equal(ends.length, 2);
  const [client, server] = ["client", "server"].map((side) => {
    const end = ends.find(({ records, index }) => records.side(index) === tcpLayout.sides[side as "client" | "server"]);
    assert.ok(end, side);
    return end;
  });
  assert.ok(client && server);
  for (const { records, index } of [client, server]) {
    assert.equal(records.sentBytes(index), 104_729);
    assert.equal(records.receivedBytes(index), 104_729);
    assert.equal(records.error(index), 0);
    assert.ok(records.bornNs(index) > 0 && records.establishedNs(index) >= records.bornNs(index));
    assert.ok(records.atNs(index) >= records.establishedNs(index));
  }
  assert.equal(client.records.localIsn(client.index), server.records.remoteIsn(server.index));
  assert.equal(client.records.remoteIsn(client.index), server.records.localIsn(server.index));
  assert.equal(client.records.pid(client.index), process.pid);
  assert.deepEqual(monitor.lost(), [0, 0, 0]);
});

/** How many records of each kind a sweep gives of the connections to a port. */
async function swept(
  monitor: NativeTcpMonitor,
  sweep: Sweep,
  port: number,
): Promise<{ live: number; vanished: number }> {
  const records = new TcpRecords(tcpLayout, await monitor.collect(sweep));
  const kinds = Array.from({ length: records.length }, (_, index) => index)
    .filter((index) => records.localPort(index) === port || records.remotePort(index) === port)
    .map((index) => records.kind(index));
  const countOf = (wanted: number) => kinds.filter((kind) => kind === wanted).length;
  return { live: countOf(tcpLayout.kinds.live), vanished: countOf(tcpLayout.kinds.vanished) };
}

test("TcpMonitor.collect() sweeps connections that moved something, or all", async (context) => {
  const monitor = await opened(context);
  const server = createServer((socket) => socket.resume());
  await once(server.listen(0, "127.0.0.1"), "listening");
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = connect(port, "127.0.0.1");
  context.after(() => client.destroy());
  await once(client, "connect");
  const sweeps = ["none", "changed", "changed", "all", "changed", "all"] as const;
  const live: number[] = [];
  for (const sweep of sweeps) live.push((await swept(monitor, sweep, port)).live);
  assert.deepEqual(live, [0, 2, 0, 2, 0, 2]);
  client.write(Buffer.alloc(23));
  await waitUntil(async () => (await swept(monitor, "changed", port)).live > 0, { what: "the bytes" });
});

test("TcpMonitor.collect() finds out in a sweep of all what ended without being seen, and tells of it once", async (context) => {
  const monitor = await opened(context, { objectPath: compiledBpf("deaf.bpf.c") });
  const port = await exchange(23);
  assert.deepEqual(await swept(monitor, "changed", port), { live: 0, vanished: 0 });
  assert.deepEqual(await swept(monitor, "all", port), { live: 0, vanished: 2 });
  assert.deepEqual(await swept(monitor, "all", port), { live: 0, vanished: 0 });
  assert.ok((monitor.lost()[2] ?? 0) >= 2, "end_missed");
});

test("TcpMonitor.survey() gives this process's listener", async (context) => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  context.after(() => server.close());
  const monitor = await opened(context);
  const records = new TcpRecords(tcpLayout, await monitor.survey());
  const { port } = server.address() as AddressInfo;
  const found = Array.from({ length: records.length }, (_, index) => index).filter(
    (index) => records.kind(index) === tcpLayout.kinds.listen && records.localPort(index) === port,
  );
  assert.equal(found.length, 1);
  assert.equal(records.pid(found[0] as number), process.pid);
});

test("TcpMonitor.maps() gives sizes and the memory that the kernel holds", async (context) => {
  const monitor = await opened(context, { maxConnections: 5000 });
  const maps = new Map(monitor.maps().map((map) => [map.name, map]));
  assert.equal(maps.get("connections")?.maxEntries, 5000);
  const bytes = maps.get("connections")?.bytes ?? 0;
  // before 6.4 the kernel tells of keys and values only: 8 + 96 bytes
  assert.ok(bytes >= 5000 * 104 && bytes <= 5000 * 300, `${bytes} bytes`);
});

test("TcpMonitor.collect() counts what found no room", async (context) => {
  const monitor = await opened(context, { maxConnections: 1, ringBytes: 4096 });
  for (let round = 0; round < 23; round++) await exchange(1);
  const lost = monitor.lost();
  assert.ok((lost[0] ?? 0) > 0, "ring_full");
  assert.ok((lost[1] ?? 0) > 0, "map_full");
  const room = new ArrayBuffer(1 << 20);
  const records = new TcpRecords(tcpLayout, room, monitor.drain(room));
  const { listen, unlisten } = tcpLayout.kinds;
  const ofListeners = Array.from({ length: records.length }, (_, index) => records.kind(index)).filter(
    (kind) => kind === listen || kind === unlisten,
  ).length;
  assert.ok(ofListeners > 0 && ofListeners <= 24, `${ofListeners} records of listeners in a page`);
});

test("TcpMonitor.drain() gives every end once and whole, through an outbox, over its last place, or the ring", async (context) => {
  const place: PeerPlace = { start: (argv, options) => Program.start(argv, options) };
  const port = await freePort();
  const server = await PeerServer.start(place, { port, read: 23, respond: 41 });
  context.after(() => server.stop());
  const monitor = await opened(context, { maxConnections: 20_000, ringBytes: 1 << 22 });
  // two records each: more than all outboxes hold, and then less, which begins in the middle of them
  const rounds = [1100 * Math.min(availableParallelism(), 4), 701];
  const room = new ArrayBuffer(tcpLayout.recordBytes * 509);
  const ids = new Set<number>();
  let ends = 0;
  for (const count of rounds) {
    const made = await connectPeer(place, { to: "127.0.0.1", port, count, concurrency: 32, send: 23, expect: 41 });
    assert.equal(made.closed, count);
    ends += 2 * count;
    await waitUntil(
      () => {
        for (let bytes = monitor.drain(room); bytes > 0; bytes = monitor.drain(room)) {
          const records = new TcpRecords(tcpLayout, room, bytes);
          for (let index = 0; index < records.length; index++) {
            if (records.localPort(index) !== port && records.remotePort(index) !== port) continue;
            if (records.kind(index) !== tcpLayout.kinds.closed) continue;
            const isServer = records.side(index) === tcpLayout.sides.server;
            assert.equal(records.sentBytes(index), isServer ? 41 : 23);
            assert.equal(records.receivedBytes(index), isServer ? 23 : 41);
            assert.ok(records.atNs(index) >= records.establishedNs(index));
            assert.ok(!ids.has(records.id(index)), "no record twice");
            ids.add(records.id(index));
          }
        }
        return ids.size >= ends;
      },
      { what: `${ends} ends` },
    );
  }
  assert.equal(ids.size, ends);
  assert.equal(monitor.lost()[0], 0);
});

test("TcpMonitor.drain() fills the room that there is, and leaves the rest to the next calls", async (context) => {
  const monitor = await opened(context);
  const port = await exchange(23);
  const room = new ArrayBuffer(tcpLayout.recordBytes + 8);
  const sizes = new Set<number>();
  let closed = 0;
  await waitUntil(
    () => {
      for (let bytes = monitor.drain(room); bytes > 0; bytes = monitor.drain(room)) {
        sizes.add(bytes);
        const records = new TcpRecords(tcpLayout, room, tcpLayout.recordBytes);
        const mine = records.localPort(0) === port || records.remotePort(0) === port;
        if (mine && records.kind(0) === tcpLayout.kinds.closed) closed++;
      }
      return closed >= 2;
    },
    { what: "both halves of a connection, one by one" },
  );
  assert.equal(closed, 2);
  assert.deepEqual([...sizes], [tcpLayout.recordBytes]);
});

test("TcpMonitor.drain() refuses what is no room for a record", async (context) => {
  const monitor = await opened(context);
  assert.throws(() => monitor.drain(undefined as never), {
    name: "TypeError",
    message: "drain(into): expected an ArrayBuffer",
  });
  assert.throws(() => monitor.drain(new ArrayBuffer(7)), {
    name: "RangeError",
    message: `drain(into): expected room for a record, ${tcpLayout.recordBytes} bytes, current value is 7`,
  });
});

test("measureRunTime() makes the kernel count runs, holds one descriptor for it, and lets go of it", async (context) => {
  const monitor = await opened(context);
  const runs = () => monitor.statistics().find(({ name }) => name === "tcp_state");
  context.after(() => addon.measureRunTime(false));
  addon.measureRunTime(true);
  addon.measureRunTime(true);
  assert.equal(bpfDescriptors()["bpf-stats"], 1);
  const before = runs();
  await exchange(1);
  const after = runs();
  assert.ok(before && after);
  assert.ok(after.runs >= before.runs + 4, `${before.runs} and then ${after.runs} runs`);
  assert.ok(after.runTimeNs > before.runTimeNs);
  addon.measureRunTime(false);
  addon.measureRunTime(false);
  assert.equal(bpfDescriptors()["bpf-stats"], undefined);
});

// ---- lifetime ----

test("TcpMonitor.close() is idempotent, and everything else then says that it is closed", async () => {
  const monitor = await addon.openTcp(good);
  monitor.close();
  monitor.close();
  const drain = () => monitor.drain(new ArrayBuffer(tcpLayout.recordBytes));
  const methods = ["lost", "programs", "statistics", "maps"] as const;
  for (const call of [drain, ...methods.map((method) => () => monitor[method]())]) {
    assert.throws(call, {
      code: "ERR_WEIR_CLOSED",
      errno: 0,
      message: /^Cannot .*: it was closed before$/,
    });
  }
  await assert.rejects(monitor.survey(), { code: "ERR_WEIR_CLOSED" });
  for (const sweep of ["none", "changed", "all"] as const) {
    await assert.rejects(monitor.collect(sweep), { code: "ERR_WEIR_CLOSED", operation: "collect records" });
  }
  monitor.close();
  assert.deepEqual(bpfDescriptors(), {});
});

test("TcpMonitor.close() while collections are under way lets each end, or refuses it", async () => {
  for (let round = 0; round < 10; round++) {
    const monitor = await addon.openTcp(good);
    const collections = Promise.allSettled([
      monitor.collect("all"),
      monitor.survey(),
      monitor.collect("changed"),
      monitor.collect("none"),
    ]);
    if (round % 2 === 0) await new Promise(setImmediate);
    monitor.close();
    for (const settled of await collections) {
      if (settled.status === "rejected") assert.equal(settled.reason.code, "ERR_WEIR_CLOSED");
      else assert.equal(settled.value.byteLength % tcpLayout.recordBytes, 0);
    }
  }
  assert.deepEqual(bpfDescriptors(), {});
});

test("TcpMonitor.collect() called many times at once gives each record once", async (context) => {
  const monitor = await opened(context);
  const port = await exchange(23);
  const batches = await Promise.all(
    Array.from({ length: 40 }, (_, call) => monitor.collect(call % 2 === 0 ? "none" : "all")),
  );
  let closed = 0;
  for (const batch of batches) {
    const records = new TcpRecords(tcpLayout, batch);
    for (let index = 0; index < records.length; index++) {
      const mine = records.localPort(index) === port || records.remotePort(index) === port;
      if (mine && records.kind(index) === tcpLayout.kinds.closed) closed++;
    }
  }
  assert.equal(closed, 2);
});

test("openTcp() several times at once gives monitors that know nothing of each other", async (context) => {
  const monitors = await Promise.all([opened(context), opened(context), opened(context)]);
  monitors[0].close();
  const port = await exchange(23);
  for (const monitor of monitors.slice(1)) {
    assert.equal((await recordsOf(monitor, port, tcpLayout.kinds.closed, 2)).length, 2);
  }
});

test("openTcp() and close() fifty times leave no descriptor behind", async () => {
  const objectPath = scratch.file("copy.bpf.o");
  copyFileSync(good.objectPath, objectPath);
  for (let round = 0; round < 50; round++) {
    const monitor = await addon.openTcp({ ...good, objectPath });
    await monitor.collect("all");
    monitor.close();
    assert.deepEqual(bpfDescriptors(), {}, `round ${round}`);
  }
});

// ---- processes and threads ----

/** Resolves to what it printed. */
async function played(scene: string, node = process.execPath): Promise<string> {
  const script = fileURLToPath(new URL("child.ts", import.meta.url));
  return await new Promise<string>((resolve, reject) => {
    execFile(node, ["--expose-gc", script, scene], (error, stdout, stderr) => {
      if (error) reject(new Error(`${scene}: ${error.signal ?? error.code}\n${stdout}${stderr}`));
      else resolve(stdout + stderr);
    });
  });
}

for (const scene of [
  "ends without close",
  "exits during collect",
  "exits during open",
  "collects garbage",
  "collects garbage during collect",
  "terminates workers",
  "terminates a worker during open",
]) {
  test(`a process that ${scene} ends cleanly`, { timeout: 300_000 }, async () => {
    assert.equal(await played(scene), "");
  });
}

test("a process that gives its program back goes on with a part of it", { timeout: 300_000 }, async () => {
  assert.equal(await played("gives its program back", copyNode()), "");
});
