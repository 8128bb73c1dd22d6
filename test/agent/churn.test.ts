import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { HOST } from "../lab/addressing.ts";
import { Lab } from "../lab/lab.ts";
import type { Place } from "../lab/place.ts";
import { Teller } from "../lab/teller.ts";
import { ApiServer } from "../rig/api-server.ts";
import type { Sample } from "../rig/exposition.ts";
import { PATIENCE } from "../rig/slowness.ts";
import { skipWithout } from "../rig/tools.ts";
import { NodeAgents, REACHABLE } from "./node-agents.ts";
import { type Ending, Seat } from "./seat.ts";
import { type Comparison, TellerTruth } from "./teller-truth.ts";

const NAMESPACE = "churn";
/** Workloads that take turns on a seat. */
const TURNS = 5;
/** A pod makes so many calls a second, and a caller so many to each seat. */
const PERIOD_MS = 100;
const CALLS_PER_S = 5;

interface Churn {
  readonly port: number;
  readonly seatsPerNode: number;
  readonly ending: Ending;
}

/** Seats of both nodes that change hands all the time, and on each node a program that calls them all. */
const ORDINARY: Churn = { port: 8080, seatsPerNode: 9, ending: "told" };
const UNTOLD: Churn = { port: 8081, seatsPerNode: 1, ending: "late" };
const REPLACEMENTS = 1_000;
const LOST = "weir_agent_lost_records_total";
/**
 * News that take longer than this may be later than the next use of an address: the machine has stood still. Nobody can keep such pods
 * apart by what the API says, so a few connections may then be another's.
 */
const PROMPT_MS = 500;
/** A machine that is too slow for so many tells of how many it was fast enough. */
const AT_MOST_MS = 300_000;

const skip = skipWithout("kubernetes", "etcd");
let server: ApiServer;
let lab: Lab;
let agents: NodeAgents;
let callers: readonly { readonly name: string; readonly place: Place }[];

before(async () => {
  if (skip !== false) return;
  server = await ApiServer.start(REACHABLE);
  lab = await Lab.up({ store: server.admin, connectHost: true });
  callers = await Promise.all(
    lab.nodes.map(({ name: node }) => lab.pod({ namespace: NAMESPACE, name: `caller-${node}`, node })),
  );
  const account = { commonName: "weir-agent", organization: "system:masters" };
  const kubeconfig = server.certificateKubeconfig(account, HOST.v4);
  agents = await NodeAgents.start({ lab, kubeconfig, flags: ["--flows.sweep-interval", "1s"] });
});
after(async () => {
  await agents?.kill();
  await lab?.down();
  await server?.stop();
});

test("1000 pods whose addresses are used again within a second: no connection is another pod's, and none is lost", {
  skip,
}, async (t) => {
  let left = REPLACEMENTS;
  const endMs = performance.now() + AT_MOST_MS;
  const isLate = () => performance.now() > endMs;
  const [ordinary, untold] = await Promise.all([
    churn(t, ORDINARY, () => left-- <= 0 || isLate()),
    churn(t, UNTOLD, () => left <= 0 || isLate()),
  ]);
  for (const [{ port }, { truth }] of [
    [ORDINARY, ordinary],
    [UNTOLD, untold],
  ] as const) {
    const complete = async () => {
      const { counted, made, failed, refused } = truth.compare(await agents.metrics(), NAMESPACE, port);
      if (counted < made || failed < refused) throw new Error(`${counted} of ${made}, ${failed} of ${refused}`);
      return true;
    };
    await agents.waitUntil(complete, { what: "every connection", deadlineMs: 15_000 });
  }
  const samples = await agents.metrics();
  const { made, unknown, wrong } = truthful(t, ordinary.truth.compare(samples, NAMESPACE, ORDINARY.port));
  const isPrompt = ordinary.slowestNewsMs <= PROMPT_MS;
  if (isPrompt) assert.deepEqual(wrong, {});
  assert.ok(sum(wrong) < made / 1000);
  assert.ok(unknown < made / (isPrompt ? 1000 : 100), `${unknown} of ${made} are unknown`);
  // An end that is told after the next owner has the address, which is only milliseconds later: for the time between, whose it was
  // can only be guessed, so most of that is Unknown, and a few connections are another's.
  const late = truthful(t, untold.truth.compare(samples, NAMESPACE, UNTOLD.port));
  assert.ok(sum(late.wrong) < late.made / 100);
  assert.ok(late.unknown < late.made / 2, `${late.unknown} of ${late.made} are unknown`);
  const lost = samples.filter(({ name, labels }) => name === LOST && labels["reason"] !== "before_start");
  const isMissedEnd = ({ labels }: Sample) => labels["reason"] === "end_missed";
  assert.deepEqual(
    lost.filter((sample) => sample.value > 0 && !isMissedEnd(sample)),
    [],
  );
  // Kernels of some virtual machines run no BPF program for a packet that interrupts process 1, which there is the machine's own agent. An
  // end in such a packet is missed by every program, and told of by this count.
  const missedEnds = lost.filter(isMissedEnd).reduce((total, { value }) => total + value, 0);
  if (missedEnds > 0) t.diagnostic(`${missedEnds} ends were missed`);
  assert.ok(missedEnds < made / 1000, `${missedEnds} ends of ${made} were missed`);
});

/** Replaces pods until it is over; returns what all programs did. */
async function churn(t: TestContext, { port, seatsPerNode, ending }: Churn, isOver: () => boolean) {
  const random = (bound: number) => Math.floor(Math.random() * bound);
  const seats: Seat[] = [];
  for (let index = 0; index < seatsPerNode; index++) {
    for (const node of lab.nodes) {
      const options = { node, client: server.admin, namespace: NAMESPACE, port, periodMs: PERIOD_MS, random };
      seats.push(await Seat.create(options));
    }
  }
  const addresses = seats.map(({ address }) => address);
  // of the other node, and of the same one
  for (const [index, seat] of seats.entries()) seat.call([1, 2, 3].map((step) => around(addresses, index + step)));
  const workload = (seat: number, turn: number) => `w-${port}-${seat}-${turn % TURNS}`;
  await Promise.all(seats.map((seat, index) => seat.take(workload(index, 0))));
  const periodMs = Math.round(1000 / (CALLS_PER_S * seats.length));
  const tellers = await Promise.all(
    callers.map(({ place, name }) => Teller.start(place, { name, port, periodMs, calls: addresses })),
  );
  await Promise.all(
    seats.map(async (seat, index) => {
      for (let turn = 1; !isOver(); turn++) {
        await seat.replace(workload(index, turn), ending);
        await delay(100 + random(600));
      }
    }),
  );
  const results = await Promise.all(tellers.map((teller) => teller.stop()));
  await Promise.all(seats.map((seat) => seat.leave()));

  const truth = new TellerTruth();
  const whoEnded = (address: string, unixMs: number) =>
    seats.find((seat) => seat.address === address)?.whoEnded(unixMs) ?? "nobody";
  for (const [index, { name }] of tellers.entries()) truth.add(name, results[index] as (typeof results)[0], whoEnded);
  for (const seat of seats) for (const sitting of seat.sittings) truth.add(sitting.workload, sitting.results, whoEnded);
  const gapsMs = seats.flatMap((seat) => seat.gapsMs).sort((a, b) => a - b);
  const medianMs = gapsMs[gapsMs.length >> 1] ?? 0;
  t.diagnostic(
    `${ending}: ${gapsMs.length} pods, ${medianMs} ms (${gapsMs[0]} to ${gapsMs.at(-1)}) after the last one`,
  );
  assert.ok(medianMs < 1_000 * PATIENCE);
  const slowestNewsMs = Math.max(...seats.flatMap((seat) => seat.newsMs));
  t.diagnostic(`${ending}: the slowest news took ${Math.round(slowestNewsMs)} ms`);
  return { truth, slowestNewsMs };
}

/** What must hold however late news are. */
function truthful(t: TestContext, comparison: Comparison): Comparison {
  t.diagnostic(JSON.stringify(comparison));
  const { made, counted, wrongBytes, refused, failed } = comparison;
  assert.deepEqual(wrongBytes, []);
  assert.equal(counted, made);
  assert.equal(failed, refused);
  return comparison;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function around<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T;
}
