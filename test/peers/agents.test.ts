import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { formatAddress } from "../../src/identity/format-address.ts";
import type { ForwardedConnection, Origin } from "../../src/identity/forwarded-connection.ts";
import { AgentClient, type AgentClientOptions } from "../../src/peers/agent-client.ts";
import { AgentService, type AgentServiceOptions } from "../../src/peers/agent-service.ts";
import { MAX_QUESTIONS } from "../../src/peers/agent-wire.ts";
import { ORIGIN_WIRE } from "../../src/peers/origin-wire.ts";
import { address } from "../identity/address.ts";
import { waitUntil } from "../rig/wait-until.ts";

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
async function agent(
  t: TestContext,
  lookUp: AgentServiceOptions<ForwardedConnection, Origin>["lookUp"],
  nodes = { areKnown: () => true, has: () => true },
): Promise<string> {
  const service = new AgentService({ wire: ORIGIN_WIRE, lookUp, nodes });
  return await serve(t, (request, response) => void service.answer(request, response));
}

/** Gives agents all the time that a busy machine may take, unless told otherwise. */
function clientWith(options: AgentClientOptions = {}): AgentClient<ForwardedConnection, Origin> {
  return new AgentClient(ORIGIN_WIRE, { timeoutMs: 60_000, patienceMs: 600_000, slowPatienceMs: 600_000, ...options });
}

function ask(
  client: AgentClient<ForwardedConnection, Origin>,
  url: string,
  fromPort: number,
): Promise<{ origin: Origin | undefined; failed: boolean }> {
  return new Promise((resolve, reject) => {
    const isAsked = client.ask(url, connection(fromPort), (origin, failed) => resolve({ origin, failed }));
    if (!isAsked) reject(new Error("refused"));
  });
}

test("AgentClient.ask() learns from another agent for whom its node forwards", async (t) => {
  const asked: ForwardedConnection[] = [];
  const url = await agent(t, async (connections) => {
    asked.push(...connections);
    return connections.map(({ fromPort }) => (fromPort === 40_001 ? origin("203.0.113.9") : undefined));
  });
  const client = clientWith();
  const answers = await Promise.all([ask(client, url, 40_001), ask(client, url, 40_002)]);
  assert.deepEqual(answers, [
    { origin: origin("203.0.113.9"), failed: false },
    { origin: undefined, failed: false },
  ]);
  assert.deepEqual(asked, [connection(40_001), connection(40_002)]);
  assert.deepEqual(client.stats(), { found: 1, absent: 1, failed: 0, refused: 0, repeated: 0 });
});

test("AgentClient.ask() has one request under way for each agent, and puts what comes meanwhile into the next", async (t) => {
  const batches: number[] = [];
  const url = await agent(t, async (connections) => {
    batches.push(connections.length);
    return connections.map(({ fromPort }) => origin(`10.0.${fromPort >> 8}.${fromPort & 255}`));
  });
  const client = clientWith();
  const total = 2 * MAX_QUESTIONS + 7;
  const answers = await Promise.all(Array.from({ length: total }, (_, index) => ask(client, url, index + 1)));
  assert.deepEqual(
    answers.map(({ origin }) => origin && formatAddress(origin.client)),
    answers.map((_, index) => `10.0.${(index + 1) >> 8}.${(index + 1) & 255}`),
  );
  assert.deepEqual(batches, [MAX_QUESTIONS, MAX_QUESTIONS, 7]);
});

test("AgentClient.ask() refuses and counts what is too much at once", async (t) => {
  const url = await agent(t, async (connections) => connections.map(() => undefined));
  const client = clientWith({ maxWaiting: 2 });
  const answers = [ask(client, url, 1), ask(client, url, 2)];
  await assert.rejects(ask(client, url, 3), /refused/);
  await Promise.all(answers);
  assert.deepEqual(client.stats(), { found: 0, absent: 2, failed: 0, refused: 1, repeated: 0 });
  await ask(client, url, 4);
});

const UNWELL: readonly [what: string, listener: RequestListener, isFinal?: true][] = [
  ["says nothing", () => {}],
  ["hangs up", (request) => request.socket.destroy()],
  ["does not know the question", (_request, response) => void response.writeHead(404).end(), true],
  ["cannot answer", (_request, response) => void response.writeHead(503).end()],
  ["sends what is not JSON", (_request, response) => void response.end("<html>"), true],
  ["sends too few answers", (_request, response) => void response.end("[]"), true],
  ["sends what is no address", (_request, response) => void response.end('[["localhost","10.0.0.1",1]]'), true],
  ["sends without end", (_request, response) => response.write("[".repeat(1 << 20)), true],
  ["sends elsewhere", (_request, response) => void response.writeHead(307, { Location: "http://127.0.0.1:1/" }).end()],
];
for (const [what, listener, isFinal] of UNWELL) {
  test(`AgentClient.ask() answers that it failed where the agent ${what}${isFinal ? ", at once" : " for all its patience"}`, async (t) => {
    const url = await serve(t, listener);
    let nowMs = 0;
    // the clock says that it is over after the second request
    const timeoutMs = what === "says nothing" ? 300 : 60_000;
    const patience = { patienceMs: 2_000, slowPatienceMs: 2_000 };
    const client = clientWith({ timeoutMs, ...patience, nowMs: () => (nowMs += 1_000) });
    assert.deepEqual(await ask(client, url, 1), { origin: undefined, failed: true });
    assert.deepEqual(client.stats(), { found: 0, absent: 0, failed: 1, refused: 0, repeated: isFinal ? 0 : 1 });
  });
}

test("AgentClient.ask() asks an agent again that does not answer, because it is slow or starts", async (t) => {
  const well = new AgentService({
    wire: ORIGIN_WIRE,
    lookUp: async (connections) => connections.map(({ fromPort }) => origin(`10.0.0.${fromPort}`)),
    nodes: { areKnown: () => true, has: () => true },
  });
  const trouble: RequestListener[] = [
    () => {},
    (request) => request.socket.destroy(),
    (_request, response) => void response.writeHead(503).end(),
  ];
  const url = await serve(t, (request, response) => {
    const next = trouble.shift();
    if (next) next(request, response);
    else void well.answer(request, response);
  });
  const client = clientWith({ timeoutMs: 1_000 });
  const answers = await Promise.all([1, 2].map((port) => ask(client, url, port)));
  assert.deepEqual(
    answers.map(({ origin, failed }) => [origin && formatAddress(origin.client), failed]),
    [
      ["10.0.0.1", false],
      ["10.0.0.2", false],
    ],
  );
  const { repeated, ...outcomes } = client.stats();
  assert.deepEqual(outcomes, { found: 2, absent: 0, failed: 0, refused: 0 });
  assert.ok(
    repeated >= 6,
    `${repeated}: both, for each trouble, and more often where this machine is slower than the timeout`,
  );
});

test("AgentClient.ask() gives up what has waited too long, and nothing else", async (t) => {
  let isWell = false;
  let requests = 0;
  const url = await serve(t, (_request, response) => {
    requests++;
    nowMs += 1_000;
    if (requests === 2) void ask(client, url, 2).then((answer) => answers.push(answer));
    if (requests === 4) isWell = true;
    response.writeHead(isWell ? 200 : 503).end("[null]");
  });
  let nowMs = 0;
  const answers: unknown[] = [];
  const client = clientWith({ patienceMs: 3_000, nowMs: () => nowMs });
  answers.push(await ask(client, url, 1));
  await waitUntil(() => answers.length === 2, { what: "the second answer" });
  assert.deepEqual(answers, [
    { origin: undefined, failed: true },
    { origin: undefined, failed: false },
  ]);
});

test("AgentClient.ask() gives an agent that is slow twice the time at each request, and its patience for slow ones", async (t) => {
  const TAKES_MS = 250;
  let requests = 0;
  const url = await serve(t, (_request, response) => {
    requests++;
    setTimeout(() => response.end("[null]"), TAKES_MS);
  });
  const client = clientWith({ timeoutMs: TAKES_MS / 4, patienceMs: 0 });
  assert.deepEqual(await ask(client, url, 1), { origin: undefined, failed: false });
  assert.ok(requests >= 3 && client.stats().repeated === requests - 1, `${requests} requests`);
});

test("AgentClient.shutdown() answers what is under way", async (t) => {
  const url = await serve(t, () => {});
  const client = clientWith({ timeoutMs: 60_000 });
  const answer = ask(client, url, 1);
  client.shutdown();
  client.shutdown();
  assert.deepEqual(await answer, { origin: undefined, failed: true });
  await assert.rejects(ask(client, url, 2), /refused/);
});

test("AgentService answers nodes only", async (t) => {
  const url = await agent(t, async () => assert.fail("it looked"), { areKnown: () => true, has: () => false });
  const response = await fetch(url, { method: "POST", body: "[]" });
  assert.equal(response.status, 403);
});

test("AgentService knows nobody before it has the list of nodes", async (t) => {
  const nodes = { areKnown: () => false, has: () => assert.fail("it asked") };
  const url = await agent(t, async () => assert.fail("it looked"), nodes);
  const response = await fetch(url, { method: "POST", body: "[]" });
  assert.equal(response.status, 503, "an agent asks again then");
});

test("AgentService says what it cannot read, and why it cannot look", async (t) => {
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
