import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { type ConntrackDirection, loadAddon } from "../../src/kernel/addon.ts";

const addon = loadAddon();
const layout = addon.conntrackLayout;
const run = promisify(execFile);

test("conntrackLayout has offsets within a tuple and an answer, aligned, without two fields in one place", () => {
  const { tuple, answer, tupleBytes, answerBytes } = layout;
  assert.equal(new Set(Object.values(tuple)).size, 5);
  for (const [field, offset] of Object.entries(tuple)) {
    assert.ok(offset >= 0 && offset < tupleBytes, field);
    if (/Port$/.test(field)) assert.equal(offset % 2, 0, field);
    if (/^(source|destination)$/.test(field)) assert.equal(offset % 4, 0, field);
  }
  for (const at of [answer.original, answer.reply]) {
    assert.equal(at % 4, 0);
    assert.ok(at >= 4 && at + tupleBytes <= answerBytes);
  }
  assert.ok(Math.abs(answer.original - answer.reply) >= tupleBytes);
});

test("openConntrack() asks the kernel: what is no connection is absent", async (t) => {
  const conntrack = addon.openConntrack();
  t.after(() => conntrack.close());
  // zeros are an IPv6 tuple of a transport that has no number
  for (const count of [0, 1, 31, 32, 33, 1009]) {
    const answers = new Uint32Array(await conntrack.lookup(new Uint8Array(count * layout.tupleBytes), "original"));
    assert.equal(answers.byteLength, count * layout.answerBytes);
    for (let index = 0; index < count; index++) assert.equal(answers[(index * layout.answerBytes) / 4], layout.absent);
  }
});

test("Conntrack.lookup() answers lookups that overlap, each its own", async (t) => {
  const conntrack = addon.openConntrack();
  t.after(() => conntrack.close());
  const sizes = [97, 1, 53, 211];
  const answers = await Promise.all(sizes.map((n) => conntrack.lookup(new Uint8Array(n * layout.tupleBytes), "reply")));
  assert.deepEqual(
    answers.map(({ byteLength }) => byteLength / layout.answerBytes),
    sizes,
  );
});

const wrong: readonly [unknown, unknown, string][] = [
  [undefined, "original", "lookup(tuples, direction): expected a Uint8Array of tuples"],
  [new Uint32Array(10), "original", "lookup(tuples, direction): expected a Uint8Array of tuples"],
  [new ArrayBuffer(40), "original", "lookup(tuples, direction): expected a Uint8Array of tuples"],
  [new Uint8Array(41), "original", "lookup(tuples, direction): expected a multiple of 40 bytes, current value is 41"],
  [new Uint8Array(40), "back", 'lookup(tuples, direction): expected "original" or "reply", current value is back'],
  [
    new Uint8Array(40),
    undefined,
    'lookup(tuples, direction): expected "original" or "reply", current value is undefined',
  ],
];
for (const [tuples, direction, message] of wrong) {
  test(`Conntrack.lookup() throws "${message}"`, (t) => {
    const conntrack = addon.openConntrack();
    t.after(() => conntrack.close());
    assert.throws(() => conntrack.lookup(tuples as Uint8Array, direction as ConntrackDirection), { message });
  });
}

test("Conntrack.close() may be called again, and what is under way ends well", async () => {
  const conntrack = addon.openConntrack();
  const underWay = conntrack.lookup(new Uint8Array(500 * layout.tupleBytes), "original");
  conntrack.close();
  conntrack.close();
  // It had begun, or it was told of the end.
  await underWay.catch((error: { code?: string }) => assert.equal(error.code, "ERR_WEIR_CLOSED"));
  await assert.rejects(conntrack.lookup(new Uint8Array(0), "original"), { name: "Error", code: "ERR_WEIR_CLOSED" });
});

test("openConntrack() says that CAP_NET_ADMIN is missing", async () => {
  const script = `try { require(${JSON.stringify(addonPath())}).openConntrack(); } catch (error) { console.log(error.code, error.errno); }`;
  const drop = ["--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
  const { stdout } = await run("setpriv", [...drop, process.execPath, "-e", script]);
  assert.equal(stdout.trim(), "ERR_WEIR_CONNTRACK 1");
});

function addonPath(): string {
  return new URL(
    `${process.env["WEIR_BUILD"] ?? new URL("../../build", import.meta.url).pathname}/Release/weir.node`,
    import.meta.url,
  ).pathname;
}
