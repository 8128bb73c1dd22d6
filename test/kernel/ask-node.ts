// Runs in a network namespace: asks its connection tracking what agents ask each other, the second argument as they send it, by
// `origins` or `backends`, the first one, and prints the answer as agents give it.
import { loadAddon } from "../../src/kernel/addon.ts";
import { Conntrack } from "../../src/kernel/conntrack.ts";
import { lookUpBackends } from "../../src/peers/backend-lookup.ts";
import { BACKEND_WIRE } from "../../src/peers/backend-wire.ts";
import { lookUpOrigins } from "../../src/peers/origin-lookup.ts";
import { ORIGIN_WIRE } from "../../src/peers/origin-wire.ts";

const [, , about, questions = ""] = process.argv;
const conntrack = Conntrack.open(loadAddon(), { maxPerSecond: 1000, nowMs: () => performance.now() });
process.stdout.write(
  about === "origins"
    ? ORIGIN_WIRE.writeAnswers(await lookUpOrigins(conntrack, ORIGIN_WIRE.readQuestions(questions)))
    : BACKEND_WIRE.writeAnswers(await lookUpBackends(conntrack, BACKEND_WIRE.readQuestions(questions))),
);
conntrack.close();
