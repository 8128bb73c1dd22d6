import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { Directory } from "../../src/identity/directory.ts";
import { Interner } from "../../src/identity/interner.ts";
import { address } from "./address.ts";
import { type Ending, type News, randomOf, simulate, type Tenancy, type World } from "./truth-rig.ts";

const START_MS = 1_700_000_000_000;
const SEEDS = 25;

/** A directory, and the news of a world on their way to it. */
class Reader {
  readonly directory: Directory;
  readonly #random: (bound: number) => number;
  nowMs = START_MS;

  constructor(random: (bound: number) => number) {
    this.#random = random;
    const clock = () => this.nowMs;
    this.directory = new Directory({ clock, version: new AnswerVersion(), interner: new Interner(), graceMs: 1e9 });
    this.directory.listed();
  }

  take(news: News): void {
    if (news.pod === undefined) this.directory.deletePod(news.uid);
    else this.directory.upsertPod(news.pod);
    // The watch may send again what it has sent.
    if (this.#random(4) === 0 && news.pod !== undefined) this.directory.upsertPod(news.pod);
  }

  /** A new list: everything that is there, in any order, then what is gone. */
  relist(there: ReadonlyMap<string, News>, known: ReadonlySet<string>): void {
    const shown = [...there.values()].sort(() => this.#random(3) - 1);
    for (const news of shown) this.take(news);
    for (const uid of known) if (!there.has(uid)) this.directory.deletePod(uid);
  }

  uidAt(ip: string, unixMs: number): string | undefined {
    return this.directory.podAt(address(ip), unixMs)?.uid;
  }
}

interface Tally {
  asked: number;
  unknown: number;
}

/** Asks about a moment of the tenancy. Somebody else's name is never an answer. */
function ask(reader: Reader, { uid, ip, fromMs, untilMs }: Tenancy, atMs: number, tally: Tally, seed: number): void {
  const answer = reader.uidAt(ip, atMs);
  tally.asked += 1;
  if (answer === undefined) tally.unknown += 1;
  else assert.equal(answer, uid, `seed ${seed}: ${ip} at ${atMs}, ${atMs - fromMs} of ${untilMs - fromMs} ms`);
}

function momentOf({ fromMs, untilMs }: Tenancy, random: (bound: number) => number): number {
  const lengthMs = untilMs - fromMs;
  // Ends and beginnings matter most.
  const offset = [random(lengthMs), random(Math.min(30, lengthMs)), lengthMs - 1 - random(Math.min(30, lengthMs))];
  return fromMs + (offset[random(3)] as number);
}

/** Delivers the world's news with a delay of up to 4 ms, and calls `between` at every moment at which something is to be asked. */
function live(
  reader: Reader,
  { news, tenancies }: World,
  random: (bound: number) => number,
  asked: (one: Tenancy, atMs: number) => void,
): void {
  const questions = tenancies
    .flatMap((one) => Array.from({ length: 6 }, () => ({ one, atMs: momentOf(one, random), dueMs: 0 })))
    .map((question) => ({ ...question, dueMs: question.atMs + 5 + random(200) }))
    .sort((a, b) => a.dueMs - b.dueMs);
  let next = 0;
  const askUntil = (untilMs: number) => {
    for (
      let question = questions[next];
      question !== undefined && question.dueMs < untilMs;
      question = questions[next]
    ) {
      next += 1;
      reader.nowMs = Math.max(reader.nowMs, question.dueMs);
      asked(question.one, question.atMs);
    }
  };
  for (const one of news) {
    askUntil(one.atMs);
    reader.nowMs = Math.max(reader.nowMs, one.atMs + random(5));
    reader.take(one);
  }
  askUntil(Number.POSITIVE_INFINITY);
}

const told: readonly Ending[] = ["graceful", "finished"];

test("Directory never names the wrong pod where kubelets tell of a pod's end, whether asked at once or later", () => {
  const early: Tally = { asked: 0, unknown: 0 };
  const late: Tally = { asked: 0, unknown: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = randomOf(seed);
    const world = simulate(random, START_MS, told);
    const reader = new Reader(random);
    live(reader, world, random, (one, atMs) => ask(reader, one, atMs, early, seed));
    for (const one of world.tenancies) {
      // Those that ended before anybody said that they had the address can never be known.
      if (one.announcedMs >= one.withdrawnMs - 60) continue;
      for (let times = 0; times < 20; times += 1) ask(reader, one, momentOf(one, random), late, seed);
    }
  }
  assert.ok(late.asked > 50_000);
  // What is left is pods so short-lived that their end was the first news of their address.
  assert.ok(late.unknown < late.asked / 100, `${late.unknown} of ${late.asked}`);
  // Early it is not known as long as nobody has said so: the status comes up to 1.2 s after the address.
  assert.ok(early.unknown < early.asked / 2, `${early.unknown} of ${early.asked}`);
});

test("Directory never names the wrong pod once both are known, however late and in whatever order their news come", () => {
  const tally: Tally = { asked: 0, unknown: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = randomOf(seed);
    const world = simulate(random, START_MS, ["graceful", "finished", "late", "forced"]);
    const reader = new Reader(random);
    live(reader, world, random, () => {});
    for (const one of world.tenancies) {
      for (let times = 0; times < 20; times += 1) ask(reader, one, momentOf(one, random), tally, seed);
    }
  }
  assert.ok(tally.asked > 50_000);
  assert.ok(tally.unknown < tally.asked / 4, `${tally.unknown} of ${tally.asked}`);
});

/** Delivers the world's news with gaps: what came in one is sent at its end, in order or as a list of what is there then. */
function withGaps(reader: Reader, { news }: World, random: (bound: number) => number, resumed: boolean): void {
  const there = new Map<string, News>();
  const left = [...news];
  while (left.length > 0) {
    const known = new Set(there.keys());
    const isAway = random(80) === 0;
    const untilMs = (left[0]?.atMs ?? 0) + (isAway ? 500 + random(9000) : 0);
    const count = left.findIndex(({ atMs }) => atMs > untilMs);
    const batch = left.splice(0, count < 0 ? left.length : count);
    for (const one of batch) {
      if (one.pod === undefined) there.delete(one.uid);
      else there.set(one.uid, one);
    }
    reader.nowMs = Math.max(reader.nowMs, untilMs + (isAway ? 0 : random(5)));
    if (isAway) reader.directory.newsMayBeOld("pods");
    if (isAway && !resumed) reader.relist(there, known);
    else for (const one of batch) reader.take(one);
    if (isAway) reader.directory.newsAreFresh("pods");
  }
}

for (const resumed of [false, true]) {
  test(`Directory never names the wrong pod after the watch was away and ${resumed ? "went on" : "listed anew"}`, () => {
    const tally: Tally = { asked: 0, unknown: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const random = randomOf(seed);
      const world = simulate(random, START_MS, told);
      const reader = new Reader(random);
      withGaps(reader, world, random, resumed);
      for (const one of world.tenancies) {
        for (let times = 0; times < 20; times += 1) ask(reader, one, momentOf(one, random), tally, seed);
      }
    }
    assert.ok(tally.asked > 50_000);
    assert.ok(tally.unknown < tally.asked / 2, `${tally.unknown} of ${tally.asked}`);
  });
}
