// Run inside of a network namespace: asks its connection tracking for `[tuples, direction]`, given as JSON, and prints the answers.
import { type ConntrackDirection, loadAddon } from "../../src/kernel/addon.ts";
import { Conntrack } from "../../src/kernel/conntrack.ts";
import { type ConntrackTuple, ConntrackTuples } from "../../src/kernel/conntrack-tuples.ts";

const [questions, direction] = JSON.parse(process.argv[2] ?? "") as [ConntrackTuple[], ConntrackDirection];
const conntrack = Conntrack.open(loadAddon(), { maxPerSecond: 100_000, nowMs: () => performance.now() });
const tuples = new ConntrackTuples(conntrack.layout, questions.length);
for (const question of questions) tuples.add(question);
const found = await conntrack.lookup(tuples, direction);
const answers = questions.map((_, index) => ({
  found: found.isFound(index),
  translated: found.isTranslated(index),
  original: found.tuple(index, "original"),
  reply: found.tuple(index, "reply"),
}));
console.log(JSON.stringify({ answers, stats: conntrack.stats() }));
conntrack.close();
