// Runs in a network namespace: asks its connection tracking who opened the connections of the first argument, a question as
// agents send it, and prints the answer as agents give it.
import { loadAddon } from "../../src/kernel/addon.ts";
import { Conntrack } from "../../src/kernel/conntrack.ts";
import { lookUpOrigins } from "../../src/peers/origin-lookup.ts";
import { readQuestions, writeOrigins } from "../../src/peers/origin-wire.ts";

const conntrack = Conntrack.open(loadAddon(), { maxPerSecond: 1000, nowMs: () => performance.now() });
process.stdout.write(writeOrigins(await lookUpOrigins(conntrack, readQuestions(process.argv[2] ?? ""))));
conntrack.close();
