import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PeerClient, PeerServer } from "../lab/peer.ts";
import { Program } from "../lab/program.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { clientPorts } from "./conntrack-question.ts";
import { NAT_ADDRESSES, NAT_PORTS, NatHost } from "./nat-host.ts";

const { client, service, backend, farNode } = NAT_ADDRESSES;
const CHILD = fileURLToPath(new URL("ask-node.ts", import.meta.url));

type Question = [address: string, port: number, address: string, port: number];

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

/** The connections that the server holds, as it sees them. */
async function seenByServer(): Promise<Question[]> {
  const text = await Program.mustRun([...host.enter("far"), "ss", "-Htn", "state", "established"]);
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [local = "", remote = ""] = line.trim().split(/\s+/).slice(-2);
      const [, fromAddress = "", fromPort] = /^\[?(?:::ffff:)?([^\]]+?)\]?:(\d+)$/.exec(remote) ?? [];
      const [, address = "", port] = /^\[?(?:::ffff:)?([^\]]+?)\]?:(\d+)$/.exec(local) ?? [];
      return [address, Number(port), fromAddress, Number(fromPort)];
    });
}

async function askNode(about: "origins" | "backends", questions: readonly Question[]): Promise<unknown[]> {
  const argv = [...host.enter("node"), process.execPath, CHILD, about, JSON.stringify(questions)];
  return JSON.parse(await Program.mustRun(argv)) as unknown[];
}

for (const version of ["v4", "v6"] as const) {
  test(`lookUpOrigins() tells for whom a node forwards, and what they asked for, ${version}`, async () => {
    const to = { to: service[version], send: 7, expect: 11, hold: true };
    const held = await PeerClient.start(host.place("client"), { ...to, port: NAT_PORTS.masqueradedPort, count: 3 });
    await held.holding();
    const seen = await seenByServer();
    assert.equal(seen.length, 3);
    for (const [address, port, from] of seen) {
      assert.deepEqual([address, port, from], [backend[version], NAT_PORTS.backend, farNode[version]]);
    }
    const nobody: Question = [backend[version], NAT_PORTS.backend, farNode[version], 1];
    const origin = [client[version], service[version], NAT_PORTS.masqueradedPort];
    assert.deepEqual(await askNode("origins", [...seen, nobody]), [origin, origin, origin, null]);
    await held.stop();
  });
}

test("lookUpOrigins() tells a node's own connection by its own address", async () => {
  const held = await PeerClient.start(host.place("node"), {
    ...{ to: service.v4, port: NAT_PORTS.port, send: 7, expect: 11 },
    hold: true,
  });
  await held.holding();
  const seen = await seenByServer();
  assert.deepEqual(seen[0]?.[2], farNode.v4);
  const [origin] = (await askNode("origins", seen)) as [string, string, number][];
  assert.deepEqual(origin?.slice(1), [service.v4, NAT_PORTS.port]);
  assert.equal(origin?.[0], farNode.v4);
  await held.stop();
});

for (const version of ["v4", "v6"] as const) {
  test(`lookUpOrigins() names a node that has the Service's address itself, as with IPVS, by where it came from, ${version}`, async (t) => {
    const own = [`${service[version]}/${version === "v4" ? 32 : 128}`, "dev", "lo"];
    await Program.mustRun([...host.enter("node"), "ip", "addr", "add", ...own]);
    const held = await PeerClient.start(host.place("node"), {
      ...{ to: service[version], port: NAT_PORTS.masqueradedPort, send: 7, expect: 11 },
      hold: true,
    });
    t.after(async () => {
      await held.stop();
      await Program.mustRun([...host.enter("node"), "ip", "addr", "del", ...own]);
    });
    await held.holding();
    // Those of other tests may take a moment to go.
    const seen = await waitUntil(
      async () => {
        const [question, ...others] = await seenByServer();
        return question?.[0] === backend[version] && others.length === 0 && [question];
      },
      { what: "the one connection at the server" },
    );
    assert.equal(seen[0]?.[2], farNode[version]);
    assert.deepEqual(await askNode("origins", seen), [[farNode[version], service[version], NAT_PORTS.masqueradedPort]]);
  });
}

for (const version of ["v4", "v6"] as const) {
  test(`lookUpBackends() tells where a node sends what comes to an address of its own, ${version}`, async () => {
    const to = { to: service[version], send: 7, expect: 11, hold: true };
    const ports = [NAT_PORTS.port, NAT_PORTS.masqueradedPort];
    const held = ports.map((port) => PeerClient.start(host.place("client"), { ...to, port, count: 2 }));
    for (const client of held) await (await client).holding();
    const asked: Question[] = [];
    for (const port of ports) {
      for (const from of await clientPorts(host.enter("client"), port)) {
        asked.push([client[version], from, service[version], port]);
      }
    }
    assert.equal(asked.length, 4);
    // one that nobody has made, and one that goes through as it is
    const direct = await PeerClient.start(host.place("client"), {
      ...to,
      to: backend[version],
      port: NAT_PORTS.backend,
    });
    await direct.holding();
    const [from = 0] = await clientPorts(host.enter("client"), NAT_PORTS.backend);
    asked.push([client[version], 1, service[version], NAT_PORTS.port]);
    asked.push([client[version], from, backend[version], NAT_PORTS.backend]);
    const answer = [backend[version], NAT_PORTS.backend];
    assert.deepEqual(await askNode("backends", asked), [answer, answer, answer, answer, null, null]);
    for (const client of [...held, direct]) await (await client).stop();
  });
}
