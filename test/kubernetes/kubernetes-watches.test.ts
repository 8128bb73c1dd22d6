import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { KubernetesWatches, type KubernetesWatchesOptions } from "../../src/kubernetes/kubernetes-watches.ts";
import type { WatchState } from "../../src/kubernetes/watch-state.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { bookmark, event, list, meta, pod, status } from "./api-bytes.ts";
import { ManualClock } from "./manual-clock.ts";
import { bytes } from "./protobuf-bytes.ts";
import { RecordingSink } from "./recording-sink.ts";
import { answerList, answerStatus, type Received, streamWatch, UnrulyServer } from "./unruly-server.ts";

/** Impatient, so that what waits in production is over at once. */
const IMPATIENT = { backoffBaseMs: 1, backoffMaxMs: 5, deniedBaseMs: 1, deniedMaxMs: 5, startJitterMs: 0 };

interface Setup {
  readonly server: UnrulyServer;
  readonly sink: RecordingSink;
  readonly watches: KubernetesWatches;
  podState(): WatchState;
}

type OnPods = (received: Received, response: ServerResponse, index: number) => void;

async function setUp(
  t: TestContext,
  onPods: OnPods,
  options: Partial<KubernetesWatchesOptions> & {
    onOther?: (received: Received, response: ServerResponse) => boolean;
  } = {},
): Promise<Setup> {
  const { onOther, ...rest } = options;
  const server = await UnrulyServer.start(onPods, onOther === undefined ? {} : { onOther });
  const sink = new RecordingSink();
  const watches = new KubernetesWatches({
    credentials: server.credentials,
    sink,
    ...rest,
    timing: { ...IMPATIENT, ...rest.timing },
  });
  t.after(async () => {
    await watches.shutdown();
    await server.stop();
  });
  watches.start();
  return { server, sink, watches, podState: () => watches.states()[0] as WatchState };
}

const until = (what: string, condition: () => unknown) =>
  waitUntil(() => Boolean(condition()), { what, intervalMs: 2 });
const initial = (...uids: string[]) => uids.map((uid) => event("ADDED", pod({ uid, resourceVersion: 10 })));
const query = (server: UnrulyServer, index: number) => server.podRequests[index]?.query as URLSearchParams;

test("KubernetesWatches streams what exists, then every change, and asks for it as it should", async (t) => {
  let stream: ServerResponse | undefined;
  const { server, sink, watches, podState } = await setUp(t, (_, response) => {
    stream = response;
    streamWatch(response, ...initial("a", "b"));
  });
  await until("the first pods", () => sink.pods.size === 2);
  assert.equal(watches.synced, false);
  assert.equal(podState().phase, "listing");
  stream?.write(bookmark(20, true));
  await watches.whenSynced();
  stream?.write(event("MODIFIED", pod({ uid: "a", resourceVersion: 21 }, "10.1.0.9")));
  stream?.write(event("DELETED", meta({ uid: "b", resourceVersion: 22 })));
  stream?.write(event("DELETED", meta({ uid: "never-seen", resourceVersion: 23 })));
  stream?.write(event("ADDED", pod({ uid: "c", resourceVersion: 24 })));
  await until("the last change", () => sink.pods.has("c"));
  assert.deepEqual(sink.calls, ["upsert pod a", "upsert pod b", "upsert pod a", "delete pod b", "upsert pod c"]);
  assert.deepEqual(sink.pods.get("a")?.ips, ["10.1.0.9"]);

  const asked = Object.fromEntries(query(server, 0));
  const timeoutSeconds = Number(asked["timeoutSeconds"]);
  assert.ok(timeoutSeconds >= 290 && timeoutSeconds <= 600);
  assert.deepEqual(asked, {
    watch: "true",
    allowWatchBookmarks: "true",
    timeoutSeconds: String(timeoutSeconds),
    resourceVersion: "0",
    sendInitialEvents: "true",
    resourceVersionMatch: "NotOlderThan",
  });
  assert.equal(server.podRequests[0]?.headers.accept, "application/vnd.kubernetes.protobuf;stream=watch");
  const { phase, synced, objects, lists, requests, events, lastEventUnixMs } = podState();
  assert.deepEqual(
    { phase, synced, objects, lists, requests, events },
    {
      phase: "watching",
      synced: true,
      objects: 2,
      lists: 1,
      requests: 1,
      events: 7,
    },
  );
  assert.ok(lastEventUnixMs > 1_700_000_000_000);
});

test("KubernetesWatches goes on from the last bookmark when the server ends a watch", async (t) => {
  const { server, sink, podState } = await setUp(t, (_, response, index) => {
    if (index === 0) {
      streamWatch(response, ...initial("a"), bookmark(20, true), bookmark(31));
      response.end();
    } else streamWatch(response, event("DELETED", meta({ uid: "a", resourceVersion: 32 })));
  });
  await until("the deletion", () => sink.calls.includes("delete pod a"));
  assert.equal(query(server, 1).get("resourceVersion"), "31");
  assert.equal(query(server, 1).has("sendInitialEvents"), false);
  assert.deepEqual([podState().lists, podState().lastError], [1, ""]);
});

test("KubernetesWatches lists page by page where the server has no WatchList, and watches from there", async (t) => {
  const { server, sink, podState } = await setUp(t, ({ query }, response) => {
    if (query.has("sendInitialEvents")) answerStatus(response, 422, "sendInitialEvents is forbidden");
    else if (query.has("watch")) streamWatch(response, event("ADDED", pod({ uid: "d", resourceVersion: 51 })));
    else if (query.get("continue") === "page-2") answerList(response, list([pod({ uid: "c" })], 50));
    else answerList(response, list([pod({ uid: "a" }), pod({ uid: "b" })], 50, "page-2"));
  });
  await until("the change", () => sink.pods.has("d"));
  assert.deepEqual(
    sink.calls,
    ["a", "b", "c", "d"].map((uid) => `upsert pod ${uid}`),
  );
  assert.deepEqual(Object.fromEntries(query(server, 1)), { limit: "500", resourceVersion: "0" });
  assert.deepEqual(Object.fromEntries(query(server, 2)), { limit: "500", continue: "page-2" });
  assert.equal(query(server, 3).get("resourceVersion"), "50");
  assert.equal(server.podRequests[1]?.headers.accept, "application/vnd.kubernetes.protobuf");
  assert.equal(podState().lastError, "");
});

test("KubernetesWatches lists where a server does not know WatchList and never marks the end", async (t) => {
  const { sink, podState } = await setUp(
    t,
    ({ query }, response) => {
      if (query.has("sendInitialEvents")) streamWatch(response, ...initial("gone-since"));
      else if (query.has("watch")) streamWatch(response);
      else answerList(response, list([pod({ uid: "a" })], 50));
    },
    { timing: { initialSilenceMs: 20 } },
  );
  await until("the list", () => podState().synced);
  assert.deepEqual(sink.calls, ["upsert pod gone-since", "upsert pod a", "delete pod gone-since"]);
});

test("KubernetesWatches remembers that a server streams no lists, and asks again after a while", async (t) => {
  const clock = new ManualClock();
  const streams: ServerResponse[] = [];
  const { server, podState } = await setUp(
    t,
    ({ query }, response) => {
      if (query.has("sendInitialEvents")) answerStatus(response, 422, "sendInitialEvents is forbidden");
      else if (query.has("watch")) streams.push(response) && streamWatch(response);
      else answerList(response, list([pod({ uid: "a" })], 50));
    },
    { clock, timing: { streamRetryMs: 50_000, silenceMs: 1_000_000, responseMs: 1_000_000 } },
  );
  clock.advance(0);
  const asked = () =>
    server.podRequests.map(({ query }) => (query.has("sendInitialEvents") ? "stream" : "list or watch"));
  const watching = (nth: number) =>
    until(`watch ${nth}`, () => streams.length === nth && podState().phase === "watching");
  const relist = async (nth: number) => {
    await watching(nth);
    streams.at(-1)?.end(event("ERROR", status(410, "too old resource version"), "Status"));
    await until("the pause", () => podState().phase === "backoff");
    clock.advance(100);
  };
  await relist(1);
  await relist(2);
  assert.deepEqual(asked().filter((one) => one === "stream").length, 1);
  await watching(3);
  clock.advance(50_000);
  await relist(3);
  await until("the last list", () => podState().lists === 4);
  assert.equal(asked().filter((one) => one === "stream").length, 2);
});

test("KubernetesWatches does not take a server that answers nothing for one that streams no lists", async (t) => {
  const { server, sink } = await setUp(
    t,
    ({ query }, response, index) => {
      if (index === 0)
        streamWatch(response); // and not a word more
      else if (!query.has("watch")) answerStatus(response, 503, "down");
      else streamWatch(response, ...initial("a"), bookmark(20, true));
    },
    { timing: { initialSilenceMs: 20 } },
  );
  await until("the pod", () => sink.pods.has("a"));
  const streamed = server.podRequests.map(({ query }) => query.has("sendInitialEvents"));
  assert.deepEqual(streamed, [true, false, true]);
});

for (const how of ["a status", "an ERROR event"]) {
  test(`KubernetesWatches fetches all anew after 410 as ${how}, and deletes what is gone`, async (t) => {
    const { server, sink, podState } = await setUp(t, (_, response, index) => {
      if (index === 0) {
        streamWatch(response, ...initial("a", "b", "c"), bookmark(20, true));
        response.end();
      } else if (index === 1) {
        if (how === "a status") answerStatus(response, 410, "too old resource version: 20 (99)");
        else streamWatch(response, event("ERROR", status(410, "too old resource version: 20 (99)"), "Status"));
      } else {
        const changed = event("ADDED", pod({ uid: "b", resourceVersion: 98 }));
        streamWatch(response, ...initial("a"), changed, ...initial("d"), bookmark(100, true));
      }
    });
    await until("the relist", () => podState().lists === 2);
    // The unchanged pod is not delivered again; the deletion comes last.
    assert.deepEqual(sink.calls.slice(3), ["upsert pod b", "upsert pod d", "delete pod c"]);
    assert.equal(query(server, 2).has("resourceVersion"), false, "after 410 the newest is asked for");
    assert.equal(podState().errors.expired, 1);
    assert.match(podState().lastError, /^Cannot watch pods: the API server answered 410: too old resource version/);
  });
}

test("KubernetesWatches lists in one piece after a page has expired", async (t) => {
  const { server, sink, podState } = await setUp(t, ({ query }, response) => {
    if (query.has("sendInitialEvents")) answerStatus(response, 400, "unknown parameter");
    else if (query.has("watch")) streamWatch(response);
    else if (query.has("continue")) answerStatus(response, 410, "The provided continue parameter is too old");
    else if (query.has("limit")) answerList(response, list([pod({ uid: "gone-since" })], 50, "page-2"));
    else answerList(response, list([pod({ uid: "a" })], 60));
  });
  await until("the list", () => podState().synced);
  assert.deepEqual([...sink.pods.keys()], ["a"]);
  assert.equal(query(server, 3).size, 0);
});

test("KubernetesWatches leaves the server alone for as long as Retry-After says", async (t) => {
  const clock = new ManualClock();
  const { server, podState } = await setUp(
    t,
    (_, response, index) => {
      if (index === 0) answerStatus(response, 429, "too many requests", { "retry-after": "7" });
      else streamWatch(response, bookmark(20, true));
    },
    { clock, random: () => 0 },
  );
  await until("the pause", () => {
    if (server.podRequests.length === 0) clock.advance(1);
    return clock.delaysMs.includes(7000);
  });
  assert.equal(podState().phase, "backoff");
  assert.equal(podState().errors.throttled, 1);
  clock.advance(6999);
  assert.equal(server.podRequests.length, 1);
  clock.advance(1);
  await until("the second request", () => podState().synced);
});

test("KubernetesWatches stretches Retry-After, so that not everybody comes back at once", async (t) => {
  const clock = new ManualClock();
  const throttle = (_: Received, response: ServerResponse) => answerStatus(response, 429, "", { "retry-after": "8" });
  const { podState } = await setUp(t, throttle, { clock, random: () => 0.5 });
  clock.advance(0);
  await until("the pause", () => podState().errors.throttled === 1 && clock.delaysMs.includes(9_000));
});

test("KubernetesWatches doubles its pauses up to the limit, and begins anew after a good watch", async (t) => {
  const clock = new ManualClock();
  const timing = { backoffBaseMs: 400, backoffMaxMs: 3000, restMs: 0 };
  let good: ServerResponse | undefined;
  const { podState } = await setUp(
    t,
    (_, response, index) => {
      if (index !== 5) answerStatus(response, 503, "down");
      else {
        good = response;
        streamWatch(response, bookmark(20, true));
      }
    },
    { clock, random: () => 0.5, timing },
  );
  const pauseMs = async (nth: number) => {
    await until(`pause ${nth}`, () => podState().errors.server === nth && podState().phase === "backoff");
    const ms = clock.delaysMs.find((delay) => delay < 10_000) as number;
    clock.advance(ms);
    return ms;
  };
  clock.advance(0);
  const pausesMs: number[] = [];
  for (let nth = 1; nth <= 5; nth++) pausesMs.push(await pauseMs(nth));
  assert.deepEqual(pausesMs, [300, 600, 1200, 2250, 2250]);
  await until("the good watch", () => podState().phase === "watching");
  clock.advance(10_000);
  good?.end();
  assert.equal(await pauseMs(6), 300);
});

test("KubernetesWatches leaves a watch that is silent, as on a half-open connection, and goes on", async (t) => {
  const { server, sink, podState } = await setUp(
    t,
    (_, response, index) => {
      if (index === 0) streamWatch(response, ...initial("a"), bookmark(20, true));
      else if (index === 1) streamWatch(response, event("ADDED", pod({ uid: "b", resourceVersion: 21 })));
      else streamWatch(response);
    },
    { timing: { silenceMs: 30 } },
  );
  await until("the pod behind the silence", () => sink.pods.has("b"));
  assert.ok(podState().errors.silent >= 1);
  assert.match(podState().lastError, /the server was silent for 30 ms/);
  assert.equal(query(server, 1).get("resourceVersion"), "20");
  assert.equal(podState().lists, 1);
});

test("KubernetesWatches leaves a watch whose event never ends, however often its bytes come", async (t) => {
  const { sink, podState } = await setUp(
    t,
    (_, response, index) => {
      const next = event("ADDED", pod({ uid: "b", resourceVersion: 21 }));
      if (index > 0) {
        streamWatch(response, next);
        return;
      }
      streamWatch(response, ...initial("a"), bookmark(20, true));
      let at = 0;
      const drip = setInterval(() => response.write(next.subarray(at % 8, (at++ % 8) + 1)), 5);
      response.on("close", () => clearInterval(drip));
      next.writeUInt32BE(1_000_000);
    },
    { timing: { silenceMs: 150 } },
  );
  await until("the pod behind it", () => sink.pods.has("b"));
  assert.ok(podState().errors.silent >= 1);
  assert.equal(podState().lists, 1);
});

test("KubernetesWatches gives up a stream of what exists that never ends", async (t) => {
  let firstEnded = false;
  const { podState } = await setUp(
    t,
    (_, response, index) => {
      if (index > 0) {
        streamWatch(response, bookmark(20, true));
        return;
      }
      streamWatch(response);
      let count = 0;
      const more = setInterval(() => response.write(event("ADDED", pod({ uid: `p-${count++}` }))), 5);
      response.on("close", () => {
        clearInterval(more);
        firstEnded = true;
      });
    },
    { timing: { listMs: 100 } },
  );
  await until("the next", () => podState().synced);
  assert.equal(firstEnded, true);
  assert.equal(podState().errors.timeout, 1);
  assert.match(podState().lastError, /what exists is not complete after 100 ms/);
  assert.equal(podState().objects, 0, "what was streamed in vain is not what exists");
});

test("KubernetesWatches leaves out an object too large to be one, and takes what comes behind it", async (t) => {
  const large = pod({ uid: "large", annotations: { note: "x".repeat(9_000_000) } });
  const { sink, podState } = await setUp(t, (_, response) => {
    streamWatch(response, ...initial("a"), bookmark(20, true), event("MODIFIED", large));
    response.write(event("ADDED", pod({ uid: "b", resourceVersion: 22 })));
  });
  await until("the pod behind it", () => sink.pods.has("b"));
  assert.deepEqual([podState().requests, podState().errors.decode], [1, 1]);
  assert.match(podState().lastError, /Left out one of the pods: it has 90\d+ bytes, at most 8388608 are taken/);
});

test("KubernetesWatches fetches all anew where the same bytes cannot be read twice", async (t) => {
  const garbage = event("ADDED", Buffer.from("\xff\xff\xff", "latin1"));
  garbage.fill(0xff, 4);
  const { server, sink, podState } = await setUp(t, ({ query }, response) => {
    if (query.has("sendInitialEvents")) {
      const isFirst = server.podRequests.length === 1;
      streamWatch(response, ...initial("a"), ...(isFirst ? [] : initial("b")), bookmark(isFirst ? 20 : 30, true));
      if (isFirst) response.write(garbage);
    } else if (query.get("resourceVersion") === "20") streamWatch(response, garbage);
    else streamWatch(response);
  });
  await until("what the garbage hid", () => sink.pods.has("b"));
  assert.deepEqual([podState().lists, podState().errors.decode], [2, 2]);
});

for (const body of ["gzip", "identity"]) {
  test(`KubernetesWatches takes a list that somebody on the way has encoded as ${body}`, async (t) => {
    const { server, podState, sink } = await setUp(t, ({ query }, response) => {
      if (query.has("sendInitialEvents")) answerStatus(response, 422, "forbidden");
      else if (query.has("watch")) streamWatch(response);
      else {
        const bytes = list(
          Array.from({ length: 500 }, (_, index) => pod({ uid: `p-${index}` })),
          50,
        );
        response.setHeader("content-encoding", body);
        answerList(response, body === "gzip" ? gzipSync(bytes) : bytes);
      }
    });
    await until("the list", () => podState().synced);
    assert.equal(sink.pods.size, 500);
    assert.equal(server.podRequests[0]?.headers["accept-encoding"], "identity");
  });
}

for (const [what, answer] of [
  ["gzip that breaks off", gzipSync(list([pod({ uid: "a" })], 50)).subarray(0, 60)],
  ["no gzip at all", Buffer.from("not gzip")],
  ["an encoding of its own", undefined],
] as const) {
  test(`KubernetesWatches survives an answer of ${what}`, async (t) => {
    const { podState } = await setUp(t, ({ query }, response, index) => {
      if (query.has("sendInitialEvents")) answerStatus(response, 422, "forbidden");
      else if (query.has("watch")) streamWatch(response);
      else if (index > 1) answerList(response, list([pod({ uid: "a" })], 50));
      else {
        response.setHeader("content-encoding", answer === undefined ? "br" : "gzip");
        answerList(response, answer ?? list([], 50));
      }
    });
    await until("the good answer", () => podState().synced);
    const { connection, decode } = podState().errors;
    assert.equal(connection + decode, 1, podState().lastError);
  });
}

test("KubernetesWatches gives up a request that nobody answers", async (t) => {
  const { podState } = await setUp(
    t,
    (_, response, index) => {
      if (index > 0) streamWatch(response, bookmark(20, true));
    },
    { timing: { responseMs: 500 } },
  );
  await until("the second request", () => podState().synced);
  assert.equal(podState().errors.timeout, 1);
});

test("KubernetesWatches takes a stream that comes byte by byte", async (t) => {
  const { sink } = await setUp(t, (_, response) => {
    const frames = Buffer.concat([...initial("a"), bookmark(20, true), event("ADDED", pod({ uid: "b" }))]);
    streamWatch(response);
    let at = 0;
    const next = () => {
      if (at < frames.length) response.write(frames.subarray(at, ++at), () => setImmediate(next));
    };
    next();
  });
  await until("the last pod", () => sink.pods.has("b"));
  assert.deepEqual(sink.calls, ["upsert pod a", "upsert pod b"]);
});

for (const how of ["ends", "breaks"]) {
  test(`KubernetesWatches goes on where a stream ${how} in the middle of an event`, async (t) => {
    const { server, sink, podState } = await setUp(t, (_, response, index) => {
      const next = event("ADDED", pod({ uid: "b", resourceVersion: 21 }));
      if (index > 0) streamWatch(response, next);
      else {
        streamWatch(response, ...initial("a"), bookmark(20, true), next.subarray(0, 40));
        if (how === "ends") response.end();
        else void until("the bookmark", () => sink.pods.size === 1).then(() => response.destroy());
      }
    });
    await until("the cut event", () => sink.pods.has("b"));
    assert.equal(podState().errors.connection, 1);
    assert.equal(query(server, 1).get("resourceVersion"), "20");
  });
}

test("KubernetesWatches leaves out and counts an object it cannot decode", async (t) => {
  const { sink, watches, podState } = await setUp(t, (_, response) => {
    const nameless = event("ADDED", bytes(1, [bytes(1, "no-uid")]));
    streamWatch(response, nameless, ...initial("a"), bookmark(20, true));
  });
  await watches.whenSynced();
  assert.deepEqual([...sink.pods.keys()], ["a"]);
  assert.equal(podState().errors.decode, 1);
  assert.match(podState().lastError, /Left out one of the pods: .*it has no uid/);
});

test("KubernetesWatches survives answers that are no protobuf at all", async (t) => {
  const { podState } = await setUp(t, (_, response, index) => {
    if (index === 0) response.writeHead(200, { "content-type": "text/html" }).end("<html>login</html>");
    else if (index === 1) streamWatch(response, Buffer.from("<html>login</html>"));
    else streamWatch(response, bookmark(20, true));
  });
  await until("the good answer", () => podState().synced);
  assert.equal(podState().errors.decode, 2);
});

test("KubernetesWatches reports a denied resource, keeps the others working, and sees when it is allowed", async (t) => {
  let allowed = false;
  const { sink, watches } = await setUp(
    t,
    (_, response) => streamWatch(response, ...initial("a"), bookmark(20, true)),
    {
      onOther({ path }, response) {
        if (path !== "/api/v1/services" || allowed) return false;
        answerStatus(response, 403, 'services is forbidden: User "weir" cannot watch resource "services"');
        return true;
      },
    },
  );
  await watches.whenSynced();
  const denied = () => watches.states()[1] as WatchState;
  assert.equal(sink.pods.size, 1);
  assert.deepEqual([denied().resource, denied().synced], ["services", false]);
  assert.ok(denied().errors.forbidden >= 1);
  assert.match(denied().lastError, /^Cannot watch services: the API server answered 403: services is forbidden/);
  allowed = true;
  await until("the permission", () => denied().synced);
  assert.equal(denied().phase, "watching");
});

test("KubernetesWatches counts a sink that throws and delivers the rest", async (t) => {
  const errors: string[] = [];
  const { sink, watches, podState } = await setUp(
    t,
    (_, response) => streamWatch(response, ...initial("a", "b"), bookmark(20, true)),
    { onError: (resource, error) => errors.push(`${resource} ${error.kind} ${error.message}`) },
  );
  const { upsertPod } = sink;
  sink.upsertPod = (one) => {
    if (one.uid === "a") throw new Error("no room");
    upsertPod.call(sink, one);
  };
  await watches.whenSynced();
  assert.deepEqual([...sink.pods.keys()], ["b"]);
  assert.equal(podState().errors.sink, 1);
  assert.deepEqual(errors, ["pods sink Cannot deliver pods: Error: no room"]);
});

test("KubernetesWatches.shutdown() ends requests, pauses and waiters at once, and may be called again", async (t) => {
  const signal = new AbortController();
  const { server, watches } = await setUp(t, () => {}, { signal: signal.signal, timing: { responseMs: 60_000 } });
  await until("the request", () => server.podRequests.length === 1);
  const waiter = watches.whenSynced();
  signal.abort();
  await watches.shutdown();
  await waiter;
  await watches.shutdown();
  watches.start();
  assert.equal(server.podRequests.length, 1);
  assert.equal(watches.synced, false);
});
