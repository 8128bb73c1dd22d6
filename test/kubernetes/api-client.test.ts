import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as turn } from "node:timers/promises";
import { ApiClient } from "../../src/kubernetes/api-client.ts";
import { firstBytes } from "../../src/kubernetes/http/byte-source.ts";
import { WatchError } from "../../src/kubernetes/watch-error.ts";
import { answerStatus, streamWatch, UnrulyServer } from "./unruly-server.ts";

const PODS = "/api/v1/pods";

async function setUp(t: TestContext, goodToken: string, tokens: readonly string[]) {
  const server = await UnrulyServer.start(({ headers }, response) => {
    if (headers.authorization === `Bearer ${goodToken}`) streamWatch(response);
    else answerStatus(response, 401, "Unauthorized");
  });
  const reads = tokens.values();
  const nothing = { ca: undefined, cert: undefined, key: undefined };
  const read = async () => ({ ...nothing, token: reads.next().value ?? tokens.at(-1) });
  const client = new ApiClient({ ...server.credentials, read });
  t.after(async () => {
    client.close();
    await server.stop();
  });
  const get = async () => {
    const response = await client.get(PODS, "application/json", AbortSignal.timeout(30_000));
    response.discard();
    return response.status;
  };
  return { server, get };
}

test("ApiClient.get() reads the token anew after 401, and asks again at once where it is another", async (t) => {
  const { server, get } = await setUp(t, "new", ["old", "new"]);
  assert.equal(await get(), 200);
  assert.deepEqual(
    server.podRequests.map(({ headers }) => headers.authorization),
    ["Bearer old", "Bearer new"],
  );
});

test("ApiClient.get() hands 401 on where the token is the same, or the new one is refused, too", async (t) => {
  const { server, get } = await setUp(t, "good", ["bad", "bad", "bad", "worse"]);
  assert.equal(await get(), 401);
  assert.equal(server.podRequests.length, 1);
  assert.equal(await get(), 401);
  assert.equal(server.podRequests.length, 3);
});

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/** A server of bytes; `onRequest` is told of each request on a connection, and of the connection's number and the request's on it. */
async function bareServer(
  t: TestContext,
  onRequest: (socket: Socket, connection: number, request: number) => void,
  token?: string,
) {
  const sockets: Socket[] = [];
  const texts: string[] = [];
  const server = createServer((socket) => {
    const connection = sockets.push(socket) - 1;
    let requests = 0;
    socket.on("data", (bytes) => {
      texts.push(String(bytes));
      onRequest(socket, connection, requests++);
    });
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new ApiClient({
    source: "test",
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`),
    serverName: undefined,
    insecureSkipTlsVerify: false,
    read: async () => ({ ca: undefined, cert: undefined, key: undefined, token }),
  });
  t.after(() => {
    client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const get = (signal = AbortSignal.timeout(30_000)) => client.get("/version?x=1", "a/b", signal);
  const text = async () => String(await firstBytes(await get(), 1000));
  return { get, text, sockets, texts };
}

test("ApiClient.get() asks over the connection that it has", async (t) => {
  const { text, sockets, texts } = await bareServer(t, (socket) => socket.write(ANSWER));
  for (let round = 0; round < 3; round++) assert.equal(await text(), "hello");
  assert.equal(sockets.length, 1);
  assert.match(texts[2] ?? "", /^GET \/base\/version\?x=1 HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nAccept: a\/b\r\n/);
});

test("ApiClient.get() asks again where the server has given up an idle connection, and only there", async (t) => {
  const reset = await bareServer(t, (socket, _, request) => {
    if (request === 0) socket.write(ANSWER);
    else socket.resetAndDestroy();
  });
  for (let round = 0; round < 3; round++) assert.equal(await reset.text(), "hello");
  assert.equal(reset.sockets.length, 3);
  const ended = await bareServer(t, (socket) => socket.end());
  await assert.rejects(
    ended.get(),
    /Cannot reach the API server at http:.*: the connection ended before the answer did/,
  );
  assert.equal(ended.sockets.length, 1);
  const broken = await bareServer(t, (socket, _, request) => {
    if (request === 0) socket.write(ANSWER);
    else socket.end("HTTP/1.1 200 OK\r\n");
  });
  assert.equal(await broken.text(), "hello");
  await assert.rejects(broken.get(), /the connection ended before the answer did/);
  assert.equal(broken.sockets.length, 1);
});

test("ApiClient.get() leaves a connection on which more comes than was asked for", async (t) => {
  const { text, sockets } = await bareServer(t, (socket) => socket.write(`${ANSWER}HTTP/1.1 200 OK\r\n\r\n`));
  for (let round = 0; round < 2; round++) assert.equal(await text(), "hello");
  assert.equal(sockets.length, 2);
});

test("ApiClient.get() ends with the signal, before the head and amid the body, and ends the connection", async (t) => {
  const { get, sockets } = await bareServer(t, (socket, connection) => {
    if (connection > 0) socket.write(`${ANSWER.slice(0, -1)}`);
  });
  for (const amidBody of [false, true]) {
    const controller = new AbortController();
    const waiting = amidBody
      ? get(controller.signal).then((response) => firstBytes(response, 1000))
      : get(controller.signal);
    while ((sockets.at(-1)?.bytesRead ?? 0) === 0 || sockets.length < (amidBody ? 2 : 1)) await turn(5);
    if (amidBody) await turn(20);
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    const socket = sockets.at(-1) as Socket;
    if (!socket.closed) await once(socket, "close");
  }
});

test("ApiClient.get() refuses a token that would be more than one header", async (t) => {
  const { get, sockets } = await bareServer(t, () => {}, "good\r\nX-Other: 1");
  await assert.rejects(get(), (error) => error instanceof WatchError && error.kind === "credentials");
  assert.equal(sockets.length, 0);
});
