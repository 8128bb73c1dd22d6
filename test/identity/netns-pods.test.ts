import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import type { PodEntry } from "../../src/identity/directory-entries.ts";
import { NetnsPods } from "../../src/identity/netns-pods.ts";

const HOST = 4_026_531_833;

function entry(uid: string, fields: Partial<PodEntry> = {}): PodEntry & { deletedMs: number } {
  const endpoint = { kind: "Pod", namespace: "shop", workload: uid };
  return {
    uid,
    namespace: "shop",
    name: uid,
    nodeName: "n",
    hostNetwork: false,
    isReady: true,
    endpoint,
    containers: [],
    service: undefined,
    deletedMs: 0,
    endingMs: 0,
    ...fields,
  };
}

test("NetnsPods tells what it learnt, and the version grows where it could not tell before", () => {
  const version = new AnswerVersion();
  const pods = new NetnsPods(version, new Set([HOST]));
  const [a, b] = [entry("a"), entry("b")];
  pods.learn(1, a);
  assert.equal(version.value, 1, "nobody asked");
  assert.equal(pods.podOf(1), a);
  assert.equal(pods.podOf(2), undefined);
  pods.learn(2, b);
  assert.equal(version.value, 2);
  pods.learn(2, b);
  assert.equal(version.value, 2);
});

test("NetnsPods never gives the host's namespace or one on the host's network to a pod", () => {
  const pods = new NetnsPods(new AnswerVersion(), new Set([HOST]));
  pods.learn(HOST, entry("a"));
  pods.learn(5, entry("proxy", { hostNetwork: true }));
  pods.learn(0, entry("b"));
  for (const netns of [HOST, 5, 0]) assert.equal(pods.podOf(netns), undefined);
});

test("NetnsPods follows a namespace's inode number to its next owner", () => {
  const version = new AnswerVersion();
  const pods = new NetnsPods(version, new Set());
  const old = entry("old");
  pods.learn(1, old);
  old.deletedMs = 1;
  assert.equal(pods.podOf(1), undefined);
  const next = entry("next");
  pods.learn(1, next);
  pods.learn(1, old);
  assert.equal(pods.podOf(1), next, "a deleted pod's last sockets do not take it back");
  const third = entry("third");
  const before = version.value;
  pods.learn(1, third);
  assert.equal(pods.podOf(1), third);
  assert.equal(version.value, before + 1);
});

test("NetnsPods is bounded", () => {
  const pods = new NetnsPods(new AnswerVersion(), new Set());
  for (let netns = 1; netns <= 20_000; netns += 1) pods.learn(netns, entry("a"));
  assert.equal(pods.size, 16_384);
  assert.equal(pods.podOf(20_000)?.uid, "a");
  assert.equal(pods.podOf(1), undefined);
});
