import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ConntrackStats } from "../../src/kernel/conntrack.ts";
import { connectPeer, type PeerClientOptions, PeerServer } from "../lab/peer.ts";
import type { Program } from "../lab/program.ts";
import { NAT_ADDRESSES, NAT_PORTS, NatHost } from "./nat-host.ts";

// Primes, so that no sum or double comes out by accident.
const CONNECTIONS = 23;
const REQUEST_BYTES = 1_009;
const RESPONSE_BYTES = 7_919;
const CHILD = fileURLToPath(new URL("count-services.ts", import.meta.url));
const { service } = NAT_ADDRESSES;

interface Counted {
  readonly seen: Readonly<Record<string, number>>;
  readonly lookups?: ConntrackStats;
  readonly waiting: number;
}

describe("a node's agent and Services with backends on another node", () => {
  let host: NatHost;
  before(async () => {
    host = await NatHost.up();
  });
  after(() => host?.down());

  /** Counts as the node's agent while `traffic` goes on. */
  async function counting(withConntrack: boolean, traffic: () => Promise<void>): Promise<Counted> {
    const namespaces = { client: await host.netns("client"), node: await host.netns("node"), withConntrack };
    const agent: Program = host.place("node").start([process.execPath, CHILD, JSON.stringify(namespaces)]);
    await agent.waitForOutput(/^counting$/m);
    await traffic();
    const { stdout, stderr, code } = await agent.stop();
    assert.equal(code, 0, stderr);
    return JSON.parse(/^edges (.*)$/m.exec(stdout)?.[1] ?? "null") as Counted;
  }

  async function exchange(from: "client" | "node", options: Partial<PeerClientOptions> & { to: string; port: number }) {
    const traffic = { count: CONNECTIONS, send: REQUEST_BYTES, expect: RESPONSE_BYTES, ...options };
    return connectPeer(host.place(from), traffic);
  }

  async function withServer(use: () => Promise<void>): Promise<void> {
    const options = { port: NAT_PORTS.backend, read: REQUEST_BYTES, respond: RESPONSE_BYTES };
    const server = await PeerServer.start(host.place("far"), options);
    await use();
    await server.stop();
  }

  test("connections to a Service are counted on the backend on another node, from pods and from the node, masqueraded or not", async () => {
    const { seen, lookups, waiting } = await counting(true, () =>
      withServer(async () => {
        for (const from of ["client", "node"] as const) {
          for (const to of [service.v4, service.v6]) {
            for (const port of [NAT_PORTS.port, NAT_PORTS.masqueradedPort]) {
              assert.equal((await exchange(from, { to, port })).closed, CONNECTIONS);
            }
          }
        }
      }),
    );
    const each = 4 * CONNECTIONS;
    assert.deepEqual(seen, {
      "weir.connections.closed client>far/service:8080": each,
      "weir.connections.closed node>far/service:8080": each,
      "weir.flow.io client>far/service:8080 request": each * REQUEST_BYTES,
      "weir.flow.io client>far/service:8080 response": each * RESPONSE_BYTES,
      "weir.flow.io node>far/service:8080 request": each * REQUEST_BYTES,
      "weir.flow.io node>far/service:8080 response": each * RESPONSE_BYTES,
    });
    assert.deepEqual(lookups, { found: 2 * each, absent: 0, refused: 0, failed: 0 }, "once per connection");
    assert.equal(waiting, 0);
  });

  test("without connection tracking the edge has the Service and no backend", async () => {
    const { seen } = await counting(false, () =>
      withServer(async () => {
        assert.equal((await exchange("client", { to: service.v4, port: NAT_PORTS.port })).closed, CONNECTIONS);
      }),
    );
    assert.equal(seen["weir.connections.closed client>unknown/service:80"], CONNECTIONS);
  });

  test("connections that a reset ends, and those that the backend never answers, are counted on the backend, too", async () => {
    const { seen, lookups } = await counting(true, async () => {
      await withServer(async () => {
        await exchange("client", { to: service.v4, port: NAT_PORTS.port, reset: true });
      });
      const refused = await exchange("client", { to: service.v4, port: NAT_PORTS.port });
      assert.equal(refused.failures.refused, CONNECTIONS);
      await host.deafen();
      const deaf = await exchange("client", { to: service.v4, port: NAT_PORTS.port, giveUpMs: 300 });
      assert.equal(deaf.failures.gaveUp, CONNECTIONS);
    });
    const failed = Object.entries(seen).filter(([name]) => name.startsWith("weir.connections.failed"));
    assert.deepEqual(failed.map(([name, count]) => [name.replace(/ \w+$/, ""), count]).sort(), [
      ["weir.connections.failed client>far/service:8080", CONNECTIONS],
      // The kernel forgets a connection at once that is refused.
      ["weir.connections.failed client>unknown/service:80", CONNECTIONS],
    ]);
    assert.equal(seen["weir.connections.closed client>far/service:8080"], CONNECTIONS);
    assert.deepEqual(lookups, { found: 2 * CONNECTIONS, absent: 0, refused: 0, failed: 0 });
  });
});
