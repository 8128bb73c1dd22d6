import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ApiClient } from "../../src/kubernetes/api-client.ts";
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
    response.destroy();
    return response.statusCode;
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
