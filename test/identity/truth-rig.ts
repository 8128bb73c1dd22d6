import type { SlimPod } from "../../src/kubernetes/objects.ts";
import { pod } from "./pod-fixture.ts";

/** How a pod of the simulation ends, and how the API server hears of that. */
export type Ending =
  /** Deleted with its grace time: a last status tells that its containers have ended, and then it is gone. */
  | "graceful"
  /** Ends by itself, and is deleted at some time later. */
  | "finished"
  /** The API server tells of nothing but the deletion, and that late. */
  | "late"
  /** Deleted while it still runs, for some tens of milliseconds. */
  | "forced";

/** Who really had an address when, in milliseconds since the Unix epoch. */
export interface Tenancy {
  readonly uid: string;
  readonly ip: string;
  readonly ending: Ending;
  /** Its processes used the address from here... */
  readonly fromMs: number;
  /** ...to here. */
  readonly untilMs: number;
  /** When the API server said that it has the address, and that it has it no more. */
  readonly announcedMs: number;
  readonly withdrawnMs: number;
}

/** What the API server says at a moment: a pod as it is, or that it is gone. */
export interface News {
  readonly atMs: number;
  readonly uid: string;
  readonly pod: SlimPod | undefined;
}

export interface World {
  readonly tenancies: readonly Tenancy[];
  /** In the order of the watch. */
  readonly news: readonly News[];
}

/** A seeded source of whole numbers below a bound. */
export function randomOf(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** News of a release come at most so much after it, and an address is in use again at the earliest so much after its release. */
const NEWS_MS = 60;

/** A world in which pods take over each other's addresses within a second, as kubelets do it and as they tell of it. */
export function simulate(random: (bound: number) => number, startMs: number, endings: readonly Ending[]): World {
  const tenancies: Tenancy[] = [];
  const news: News[] = [];
  const skewMs = random(8000) - 4000;
  for (let address = 0; address < 4; address += 1) {
    const ips = [`10.1.0.${address}`, `fd00::${address + 1}`];
    let freeMs = startMs + 200 + random(500);
    let previous: Ending = "graceful";
    for (let turn = 0; turn < 25; turn += 1) {
      const ending = endings[random(endings.length)] as Ending;
      // Some wait for long until the address is free.
      const isEarly = previous !== "forced" && random(3) === 0;
      const createdMs = isEarly ? Math.max(startMs, freeMs - random(3000)) : freeMs + 60 + random(200);
      const life = lifeOf(random, createdMs, freeMs, ending);
      const uid = `pod-${address}-${turn}`;
      const told = newsOf(random, uid, ips, life, ending, skewMs);
      news.push(...told.news);
      const { fromMs, untilMs, announcedMs } = life;
      const { withdrawnMs } = told;
      for (const ip of ips) tenancies.push({ uid, ip, ending, fromMs, untilMs, announcedMs, withdrawnMs });
      freeMs = life.releasedMs;
      previous = ending;
    }
  }
  news.sort((a, b) => a.atMs - b.atMs);
  return { tenancies, news };
}

interface Life {
  readonly createdMs: number;
  readonly startedMs: number;
  readonly fromMs: number;
  readonly announcedMs: number;
  readonly untilMs: number;
  readonly releasedMs: number;
}

function lifeOf(random: (bound: number) => number, createdMs: number, freeMs: number, ending: Ending): Life {
  const takenMs = Math.max(createdMs + 20, freeMs + NEWS_MS) + random(300);
  const startedMs = Math.max(createdMs + 5, takenMs - random(1500));
  const fromMs = takenMs + random(200);
  const announcedMs = takenMs + random(1200);
  const outlivesNews = ending === "late" || ending === "forced";
  const untilMs = Math.max(fromMs + 50 + random(4000), outlivesNews ? announcedMs + 120 : 0);
  return { createdMs, startedMs, fromMs, announcedMs, untilMs, releasedMs: untilMs + 5 + random(40) };
}

/** What the API server says of a pod, and when it says that the address is free. */
function newsOf(
  random: (bound: number) => number,
  uid: string,
  ips: readonly string[],
  life: Life,
  ending: Ending,
  skewMs: number,
): { readonly news: News[]; readonly withdrawnMs: number } {
  const { createdMs, startedMs, fromMs, announcedMs, untilMs, releasedMs } = life;
  const secondsAt = (atMs: number) => Math.floor((atMs + skewMs) / 1000);
  const news: News[] = [];
  const tell = (atMs: number, told: SlimPod | undefined) => news.push({ atMs, uid, pod: told });
  const base = pod({ uid, name: uid, phase: "Pending" });
  const starting = { ...base, startedSeconds: secondsAt(startedMs) };
  const up: SlimPod = { ...starting, phase: "Running", ips, runningSeconds: secondsAt(fromMs) };
  const isAnnounced = announcedMs < releasedMs;
  tell(createdMs, base);
  if (startedMs < announcedMs) tell(startedMs, starting);
  if (isAnnounced) tell(announcedMs, up);
  if (ending === "late" || ending === "forced") {
    const isLate = ending === "late";
    const goneMs = isLate ? releasedMs + random(4000) : Math.max(announcedMs + 1, untilMs - random(90));
    tell(goneMs, undefined);
    return { news, withdrawnMs: goneMs };
  }
  const toldMs = releasedMs + random(NEWS_MS - 20);
  const isDeleted = ending === "graceful";
  const phase = isDeleted && random(2) === 0 ? "Running" : random(2) === 0 ? "Failed" : "Succeeded";
  tell(toldMs, { ...up, deleting: isDeleted, terminated: true, phase });
  tell(toldMs + random(isDeleted ? 2000 : 20_000), undefined);
  return { news, withdrawnMs: toldMs };
}
