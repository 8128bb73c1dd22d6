import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { formatAddress } from "../../src/identity/format-address.ts";
import type { ForwardedConnection, Origin } from "../../src/identity/forwarded-connection.ts";
import { OriginClient } from "../../src/peers/origin-client.ts";
import { OriginService, type OriginServiceOptions } from "../../src/peers/origin-service.ts";
import { MAX_QUESTIONS } from "../../src/peers/origin-wire.ts";
import { address } from "../identity/address.ts";

/** A connection that seems to come from a port of a node. */
function connection(fromPort: number): ForwardedConnection {
  return { server: address("10.244.1.5"), serverPort: 8080, from: address("fd00::1"), fromPort };
}

/** Somebody who asked for a Service's address. */
function origin(client: string): Origin {
  return { client: address(client), address: address("10.96.0.9"), port: 80 };
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  t.after(() => server.close().closeAllConnections());
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/origins`;
}

/** An agent that knows whom a node forwards by the port. */
async function agent(t: TestContext, lookUp: OriginServiceOptions["lookUp"], isNode = () => true): Promise<string> {
  const service = new OriginService({ lookUp, isNode });
  return await serve(t, (request, response) => void service.answer(request, response));
}

function ask(
  client: OriginClient,
  url: string,
  fromPort: number,
): Promise<{ origin: Origin | undefined; failed: boolean }> {
  return new Promise((resolve, reject) => {
    const isAsked = client.ask(url, connection(fromPort), (origin, failed) => resolve({ origin, failed }));
    if (!isAsked) reject(new Error("refused"));
  });
}

test("OriginClient.ask() learns from another agent for whom its node forwards", async (t) => {
  const asked: ForwardedConnection[] = [];
  const url = await agent(t, async (connections) => {
    asked.push(...connections);
    return connections.map(({ fromPort }) => (fromPort === 40_001 ? origin("203.0.113.9") : undefined));
  });
  const client = new OriginClient();
  const answers = await Promise.all([ask(client, url, 40_001), ask(client, url, 40_002)]);
  assert.deepEqual(answers, [
    { origin: origin("203.0.113.9"), failed: false },
    { origin: undefined, failed: false },
  ]);
  assert.deepEqual(asked, [connection(40_001), connection(40_002)]);
  assert.deepEqual(client.stats(), { found: 1, absent: 1, failed: 0, refused: 0 });
});

test("OriginClient.ask() has one request under way for each agent, and puts what comes meanwhile into the next", async (t) => {
  const batches: number[] = [];
  const url = await agent(t, async (connections) => {
    batches.push(connections.length);
    return connections.map(({ fromPort }) => origin(`10.0.${fromPort >> 8}.${fromPort & 255}`));
  });
  const client = new OriginClient();
  const total = 2 * MAX_QUESTIONS + 7;
  const answers = await Promise.all(Array.from({ length: total }, (_, index) => ask(client, url, index + 1)));
  assert.deepEqual(
    answers.map(({ origin }) => origin && formatAddress(origin.client)),
    answers.map((_, index) => `10.0.${(index + 1) >> 8}.${(index + 1) & 255}`),
  );
  assert.deepEqual(batches, [MAX_QUESTIONS, MAX_QUESTIONS, 7]);
});

test("OriginClient.ask() refuses and counts what is too much at once", async (t) => {
  const url = await agent(t, async (connections) => connections.map(() => undefined));
  const client = new OriginClient({ maxWaiting: 2 });
  const answers = [ask(client, url, 1), ask(client, url, 2)];
  await assert.rejects(ask(client, url, 3), /refused/);
  await Promise.all(answers);
  assert.deepEqual(client.stats(), { found: 0, absent: 2, failed: 0, refused: 1 });
  await ask(client, url, 4);
});

const UNWELL: readonly [what: string, listener: RequestListener][] = [
  ["says nothing", () => {}],
  ["hangs up", (request) => request.socket.destroy()],
  ["does not know the question", (_request, response) => void response.writeHead(404).end()],
  ["sends what is not JSON", (_request, response) => void response.end("<html>")],
  ["sends too few answers", (_request, response) => void response.end("[]")],
  ["sends what is no address", (_request, response) => void response.end('[["localhost","10.0.0.1",1]]')],
  ["sends without end", (_request, response) => response.write("[".repeat(1 << 20))],
  ["sends elsewhere", (_request, response) => void response.writeHead(307, { Location: "http://127.0.0.1:1/" }).end()],
];
for (const [what, listener] of UNWELL) {
  test(`OriginClient.ask() answers that it failed where the agent ${what}`, async (t) => {
    const url = await serve(t, listener);
    const client = new OriginClient({ timeoutMs: 200 });
    assert.deepEqual(await ask(client, url, 1), { origin: undefined, failed: true });
    assert.equal(client.stats().failed, 1);
  });
}

test("OriginClient.shutdown() answers what is under way", async (t) => {
  const url = await serve(t, () => {});
  const client = new OriginClient({ timeoutMs: 60_000 });
  const answer = ask(client, url, 1);
  client.shutdown();
  client.shutdown();
  assert.deepEqual(await answer, { origin: undefined, failed: true });
  await assert.rejects(ask(client, url, 2), /refused/);
});

test("OriginService answers nodes only", async (t) => {
  const url = await agent(
    t,
    async () => assert.fail("it looked"),
    () => false,
  );
  const response = await fetch(url, { method: "POST", body: "[]" });
  assert.equal(response.status, 403);
});

test("OriginService says what it cannot read, and why it cannot look", async (t) => {
  const url = await agent(t, async () => {
    throw new Error("Cannot ask the connection tracking");
  });
  const post = async (body: string) => {
    const response = await fetch(url, { method: "POST", body });
    return `${response.status} ${(await response.text()).trim()}`;
  };
  assert.equal((await fetch(url)).status, 405);
  assert.equal(await post("{"), "400 Cannot read what is not JSON");
  assert.equal(await post("{}"), "400 Cannot read what is not a list");
  assert.equal(await post("[1]"), "400 Cannot read 1: needs a list of 4");
  assert.equal(await post('[["10.0.0.1",0,"10.0.0.2",1]]'), "400 Cannot read 0 as a port");
  assert.equal(await post('[["10.0.0.1",1.5,"10.0.0.2",1]]'), "400 Cannot read 1.5 as a port");
  assert.equal(await post('[["localhost",1,"10.0.0.2",1]]'), '400 Cannot read "localhost" as an address');
  assert.equal(
    await post(JSON.stringify(new Array(MAX_QUESTIONS + 1).fill(0))),
    "400 Cannot read 513 items: 512 at most",
  );
  assert.equal(await post(" ".repeat(1 << 20)), "400 Cannot read more than 131072 bytes");
  assert.equal(await post('[["10.0.0.1",1,"10.0.0.2",1]]'), "503 Cannot ask the connection tracking");
});
