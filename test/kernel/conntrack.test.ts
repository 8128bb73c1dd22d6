import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ConntrackDirection } from "../../src/kernel/addon.ts";
import { loadAddon } from "../../src/kernel/addon.ts";
import { Conntrack } from "../../src/kernel/conntrack.ts";
import { type ConntrackTuple, ConntrackTuples } from "../../src/kernel/conntrack-tuples.ts";
import { PeerClient, PeerServer } from "../lab/peer.ts";
import { askConntrack, clientPorts, tuple, words } from "./conntrack-question.ts";
import { NAT_ADDRESSES, NAT_PORTS, NatHost } from "./nat-host.ts";

const { client, service, backend, farNode } = NAT_ADDRESSES;
/** More than go into one system call. */
const MANY = 211;

describe("the kernel's connection tracking", () => {
  let host: NatHost;
  let server: PeerServer;
  before(async () => {
    host = await NatHost.up();
    server = await PeerServer.start(host.place("far"), { port: NAT_PORTS.backend, read: 7, respond: 11 });
  });
  after(async () => {
    await server?.stop();
    await host?.down();
  });

  /** The node's own connection tracking. */
  const ask = (tuples: readonly ConntrackTuple[], direction: ConntrackDirection) =>
    askConntrack(host.enter("node"), tuples, direction);

  /** Holds connections open; gives the clients' ports. */
  async function hold(t: { after(stop: () => Promise<unknown>): void }, to: string, port: number, count: number) {
    const held = await PeerClient.start(host.place("client"), { to, port, count, send: 7, expect: 11, hold: true });
    t.after(() => held.stop());
    await held.holding();
    const ports = await clientPorts(host.enter("client"), port);
    assert.equal(ports.length, count);
    return ports;
  }

  for (const version of ["v4", "v6"] as const) {
    test(`Conntrack.lookup() finds the backend of each of many connections to a Service's address, ${version}`, async (t) => {
      const ports = await hold(t, service[version], NAT_PORTS.port, MANY);
      const asked = ports.map((port) => tuple(client[version], port, service[version], NAT_PORTS.port));
      const nobody = tuple(client[version], 1, service[version], NAT_PORTS.port);
      const { answers, stats } = await ask([nobody, ...asked], "original");
      assert.deepEqual(stats, { found: MANY, absent: 1, refused: 0, failed: 0 });
      const [none, ...rest] = answers;
      assert.equal(none?.found, false);
      for (const [index, answer] of rest.entries()) {
        assert.equal(answer.translated, true);
        const port = ports[index] as number;
        assert.deepEqual(answer.original, { ...asked[index], transport: 6 });
        const reply = tuple(backend[version], NAT_PORTS.backend, client[version], port);
        assert.deepEqual(answer.reply, { ...reply, transport: 6 });
      }
    });

    test(`Conntrack.lookup() tells who is behind a masqueraded address, ${version}`, async (t) => {
      const [port = 0] = await hold(t, service[version], NAT_PORTS.masqueradedPort, 1);
      const asked = tuple(client[version], port, service[version], NAT_PORTS.masqueradedPort);
      const { reply } = (await ask([asked], "original")).answers[0] ?? {};
      assert.deepEqual(reply?.source, words(backend[version]));
      assert.deepEqual(reply?.destination, words(farNode[version]), "the backend answers to the node");
      const behind = tuple(backend[version], NAT_PORTS.backend, farNode[version], reply.destinationPort);
      const { answers, stats } = await ask([behind], "reply");
      assert.deepEqual(stats, { found: 1, absent: 0, refused: 0, failed: 0 });
      assert.deepEqual(answers[0]?.original, { ...asked, transport: 6 });
    });
  }

  test("Conntrack.lookup() calls a connection untranslated that goes where it was sent", async (t) => {
    const [port = 0] = await hold(t, backend.v4, NAT_PORTS.backend, 1);
    const { answers } = await ask([tuple(client.v4, port, backend.v4, NAT_PORTS.backend)], "original");
    assert.equal(answers[0]?.found, true);
    assert.equal(answers[0]?.translated, false);
  });

  test("Conntrack.lookup() still finds a connection that was closed, and one that a reset ended", async () => {
    for (const reset of [false, true]) {
      const source = `${client.v4}`;
      const made = await PeerClient.start(host.place("client"), {
        to: service.v4,
        port: NAT_PORTS.port,
        send: 7,
        expect: 11,
        hold: true,
        reset,
      });
      await made.holding();
      const [port = 0] = await clientPorts(host.enter("client"), NAT_PORTS.port);
      await made.stop();
      const { answers } = await ask([tuple(source, port, service.v4, NAT_PORTS.port)], "original");
      assert.equal(answers[0]?.found, true, `reset: ${reset}`);
    }
  });

  test("Conntrack.admit() keeps to so many questions a second, and counts what it refuses", () => {
    let nowMs = 1000;
    const conntrack = Conntrack.open(loadAddon(), { maxPerSecond: 100, nowMs: () => nowMs });
    const admitted = (questions: number) =>
      Array.from({ length: questions }, () => conntrack.admit()).filter(Boolean).length;
    assert.equal(admitted(130), 100);
    assert.equal(conntrack.stats().refused, 30);
    nowMs += 250;
    assert.equal(admitted(30), 25);
    nowMs += 60_000;
    assert.equal(admitted(130), 100, "no more than one second is kept");
    assert.equal(conntrack.stats().refused, 65);
    conntrack.close();
  });

  test("Conntrack.lookup() counts what it could not ask as failed, and rejects", async () => {
    const conntrack = Conntrack.open(loadAddon(), { maxPerSecond: 100, nowMs: () => 0 });
    const tuples = new ConntrackTuples(conntrack.layout, 2);
    assert.ok(tuples.add(tuple("192.0.2.1", 1, "192.0.2.2", 2)));
    assert.ok(tuples.add(tuple("192.0.2.1", 1, "192.0.2.2", 3)));
    assert.ok(!tuples.add(tuple("192.0.2.1", 1, "192.0.2.2", 4)), "there is room for two");
    conntrack.close();
    conntrack.close();
    await assert.rejects(conntrack.lookup(tuples, "original"), { code: "ERR_WEIR_CLOSED" });
    assert.deepEqual(conntrack.stats(), { found: 0, absent: 0, refused: 0, failed: 2 });
  });
});
