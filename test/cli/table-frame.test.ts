import assert from "node:assert/strict";
import { test } from "node:test";
import { tableFrame } from "../../src/cli/table-frame.ts";
import type { TableRow, TableStatus } from "../../src/cli/table-source.ts";

const STATUS: TableStatus = {
  nodeName: "node-7",
  metricsUrl: "http://127.0.0.1:9464/metrics",
  notReady: [],
  lostRecords: 0,
};

function row(change: Partial<TableRow> & { readonly name?: string }): TableRow {
  return {
    client: { kind: "Deployment", namespace: "shop", workload: change.name ?? "web" },
    server: { kind: "StatefulSet", namespace: "shop", workload: "db" },
    service: "db",
    port: "5432",
    connectionsPerSecond: 23,
    active: 7,
    failed: 0,
    requestBytesPerSecond: 1_000,
    responseBytesPerSecond: 104_729,
    connectP50Seconds: 0.00123,
    ...change,
  };
}

/** What a terminal shows of a line: cells put where their column number says. */
function shown(line: string): string {
  const cells: string[] = [];
  let at = 0;
  for (const [, column, text = ""] of line.matchAll(/(?:\x1b\[(\d+)G|\x1b\[[\d;]*[mK])|([^\x1b]+)/g)) {
    if (column !== undefined) at = Number(column) - 1;
    for (const character of text) cells[at++] = character;
  }
  return Array.from(cells, (character) => character ?? " ")
    .join("")
    .trimEnd();
}

test("tableFrame() shows status, totals, titles and each edge", () => {
  const lines = tableFrame(STATUS, [row({})], 120, 24).map(shown);
  assert.match(lines[0] ?? "", /^weir \d+\.\d+\.\d+ - node-7 - ready - http:\/\/127\.0\.0\.1:9464\/metrics$/);
  assert.equal(
    lines[1],
    "1 edges - 23 conn/s - 7 active - 0 failed - requests 1.00 kB/s - responses 105 kB/s - 0 records lost",
  );
  assert.match(lines[2] ?? "", /^CLIENT +SERVER +SERVICE:PORT +CONN\/S +ACTIVE +FAILED +REQ\/S +RESP\/S +CONN P50$/);
  assert.match(
    lines[3] ?? "",
    /^shop\/web Deployment +shop\/db StatefulSet +db:5432 +23 +7 +0 +1\.00 kB +105 kB +1\.23 ms$/,
  );
  assert.equal(lines.length, 4);
});

test("tableFrame() puts the most bytes first and keeps equals in the order of their names", () => {
  const rows = [
    row({ name: "c", responseBytesPerSecond: 5 }),
    row({ name: "b", responseBytesPerSecond: 5 }),
    row({ name: "a", responseBytesPerSecond: 6 }),
  ];
  const names = tableFrame(STATUS, rows, 120, 24)
    .slice(3)
    .map((line) => shown(line).slice(5, 6));
  assert.deepEqual(names, ["a", "b", "c"]);
});

test("tableFrame() says how many edges did not fit, and fills the height exactly", () => {
  const rows = Array.from({ length: 23 }, (_, index) => row({ name: `w${index}` }));
  const lines = tableFrame(STATUS, rows, 100, 10);
  assert.equal(lines.length, 10);
  assert.equal(shown(lines[9] ?? ""), "… 17 more");
  assert.equal(tableFrame(STATUS, rows, 100, 26).length, 26);
  assert.doesNotMatch(tableFrame(STATUS, rows, 100, 26).join(""), /more/);
});

test("tableFrame() keeps the port where a Service's name does not fit", () => {
  const line = shown(tableFrame(STATUS, [row({ service: "a-service-with-a-long-name" })], 80, 24)[3] ?? "");
  assert.match(line, / a-se…:5432 /);
});

test("tableFrame() stays within any terminal, however small", () => {
  const rows = Array.from({ length: 23 }, (_, index) => row({ name: `workload-with-a-long-name-${index}` }));
  for (const columns of [1, 10, 40, 60, 79, 80, 81, 100, 132, 250]) {
    for (const height of [1, 2, 3, 4, 24]) {
      const lines = tableFrame(STATUS, rows, columns, height);
      assert.ok(lines.length <= height, `${columns}x${height}: ${lines.length} lines`);
      for (const line of lines) assert.ok([...shown(line)].length <= columns, `${columns}x${height}: ${shown(line)}`);
    }
  }
});

test("tableFrame() keeps names and bytes where a terminal is narrow", () => {
  const title = shown(tableFrame(STATUS, [], 60, 24)[2] ?? "");
  assert.match(title, /^CLIENT +SERVER +SERVICE/);
  assert.match(title, /REQ\/S +RESP\/S$/);
  assert.doesNotMatch(title, /ACTIVE/);
});

test("tableFrame() gives hostile names no way to act on the terminal", () => {
  const hostile = "\x1b[2J\x1b]0;owned\x07\u009b31m\r\n\t\u202e\u200b\u2028\0🐟日本Z\u0301\u0301\u0301\u0301";
  const endpoint = { kind: hostile, namespace: hostile, workload: hostile };
  const rows = [row({ client: endpoint, server: endpoint, service: hostile, port: hostile }), row({})];
  const status = { ...STATUS, nodeName: hostile, notReady: [hostile], metricsUrl: hostile };
  const lines = tableFrame(status, rows, 200, 24);
  assert.equal(lines.length, 5);
  for (const line of lines) {
    const withoutOurs = line.replaceAll(/\x1b\[[\d;]*[GmK]/g, "");
    assert.doesNotMatch(withoutOurs, /[\p{C}\u2028\u2029]/u);
    assert.doesNotMatch(withoutOurs, /\u0301{3}/);
  }
  // The numbers of the hostile line stand where those of the honest one do.
  const placesOf = (line: string | undefined) =>
    [...(line ?? "").matchAll(/\x1b\[(\d+)G/g)].slice(3).map(([, at]) => at);
  assert.deepEqual(placesOf(lines[3]), placesOf(lines[4]));
});

test("tableFrame() says why the agent is not ready, and what was lost", () => {
  const [line = ""] = tableFrame({ ...STATUS, notReady: ["pods not listed"], lostRecords: 7 }, [], 120, 24);
  assert.match(shown(line), /node-7 - not ready: pods not listed - 7 RECORDS LOST/);
});
