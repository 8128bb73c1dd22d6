import assert from "node:assert/strict";
import { test } from "node:test";
import { EdgeTable, HIDDEN_EDGE } from "../../src/flows/edge-table.ts";
import type { Endpoint } from "../../src/identity/endpoint.ts";

const endpoint = (workload: string): Endpoint => ({ kind: "Deployment", namespace: "shop", workload });
const cart = endpoint("cart");
const depot = endpoint("depot");
const service = { namespace: "shop", name: "depot" };
const table = (maxEdges = 10) => new EdgeTable({ maxEdges, idleExpiryMs: 1000 });

test("EdgeTable.find() gives one edge for one combination, and others for each part that differs", () => {
  const edges = table();
  const edge = edges.find(cart, depot, undefined, 80, 0);
  assert.equal(edges.find(cart, depot, undefined, 80, 5), edge);
  const others = [
    edges.find(depot, cart, undefined, 80, 0),
    edges.find(cart, cart, undefined, 80, 0),
    edges.find(cart, depot, service, 80, 0),
    edges.find(cart, depot, undefined, 81, 0),
  ];
  assert.equal(new Set([edge, ...others]).size, 5);
  assert.equal(edges.size, 5);
});

test("EdgeTable.find() beyond the budget gives the overflow edge, and counts how often", () => {
  const edges = table(2);
  edges.find(cart, depot, undefined, 1, 0);
  edges.find(cart, depot, undefined, 2, 0);
  assert.equal(edges.metrics.io.generation(0), 0, "no overflow series yet");
  const over = edges.find(cart, depot, undefined, 3, 7);
  assert.equal(edges.find(cart, depot, undefined, 4, 8), over);
  assert.equal(edges.overflowed, 2);
  assert.equal(edges.size, 2);
  assert.equal(edges.metrics.io.generation(0), 0, "no traffic yet");
  edges.touch(over, 9);
  assert.notEqual(edges.metrics.io.generation(0), 0);
  assert.deepEqual(edges.metrics.opened.attributes(over), [
    "",
    "overflow",
    "Overflow",
    "",
    "overflow",
    "Overflow",
    "",
    "",
    "tcp",
  ]);
  assert.equal(edges.metrics.opened.startUnixMs(over), 7);
  edges.expire(1e9);
  assert.notEqual(edges.generation(over), 0, "the overflow edge stays");
});

test("EdgeTable.expire() forgets idle edges only", () => {
  const edges = table();
  const idle = edges.find(cart, depot, undefined, 1, 0);
  const touched = edges.find(cart, depot, undefined, 2, 0);
  edges.touch(touched, 500);
  edges.expire(999);
  assert.equal(edges.size, 2);
  edges.expire(1000);
  assert.equal(edges.size, 1);
  assert.equal(edges.metrics.opened.generation(idle), 0);
  assert.notEqual(edges.metrics.opened.generation(touched), 0);
});

test("EdgeTable.expire() keeps a pinned edge until its last pin is gone", () => {
  const edges = table();
  const edge = edges.find(cart, depot, undefined, 1, 0);
  edges.pin(edge);
  edges.pin(edge);
  edges.unpin(edge);
  edges.expire(5000);
  assert.equal(edges.size, 1);
  edges.unpin(edge);
  edges.expire(5000);
  assert.equal(edges.size, 0);
});

test("EdgeTable.find() uses an index again for another edge: values begin at 0, with another generation", () => {
  const edges = table();
  const edge = edges.find(cart, depot, undefined, 1, 0);
  const { io, rtt } = edges.metrics;
  io.add(edge, 100, 1);
  rtt.observe(edge, 0.002, 1);
  const generation = edges.generation(edge);
  assert.equal(edges.ofGeneration(generation), edge);
  edges.expire(5000);
  assert.equal(edges.ofGeneration(generation), -1);
  assert.equal(edges.find(depot, cart, undefined, 2, 6000), edge);
  assert.ok(edges.generation(edge) > generation);
  assert.equal(edges.ofGeneration(generation), -1);
  assert.equal(edges.ofGeneration(edges.generation(edge)), edge);
  assert.equal(io.value(edge * 2 + 1), 0);
  assert.equal(rtt.value(edge * 2 + 1), 0);
  assert.equal(rtt.sum(edge * 2 + 1), 0);
  for (let bucket = 0; bucket <= rtt.bounds.length; bucket++) assert.equal(rtt.bucket(edge * 2 + 1, bucket), 0);
  assert.equal(io.startUnixMs(edge * 2), 6000);
  assert.deepEqual(io.attributes(edge * 2 + 1).slice(0, 5), ["shop", "depot", "Deployment", "shop", "cart"]);
});

test("EdgeTable.find() finds an edge again that had expired", () => {
  const edges = table();
  const edge = edges.find(cart, depot, service, 1, 0);
  edges.expire(5000);
  assert.equal(edges.find(cart, depot, service, 1, 5000), edge);
  assert.equal(edges.size, 1);
});

test("EdgeTable keeps the values of all edges while it grows", () => {
  const edges = table(5000);
  for (let port = 1; port <= 5000; port++) {
    const edge = edges.find(cart, depot, undefined, port, 0);
    edges.metrics.io.add(edge, port, 1);
    edges.metrics.connectDuration.observe(edge, port);
  }
  let seen = 0;
  edges.forEach((index, { serverPort }) => {
    seen++;
    assert.equal(edges.metrics.io.value(index * 2 + 1), serverPort);
    assert.equal(edges.metrics.connectDuration.sum(index), serverPort);
  });
  assert.equal(seen, 5000);
});

test("EdgeTable.forEach() does not visit an overflow edge that was never used", () => {
  const edges = table();
  const edge = edges.find(cart, depot, undefined, 80, 0);
  const visited: number[] = [];
  edges.forEach((index) => {
    visited.push(index);
  });
  assert.deepEqual(visited, [edge]);
});

test("EdgeTable never shows the hidden edge, whatever is counted on it", () => {
  const edges = table();
  edges.pin(HIDDEN_EDGE);
  edges.touch(HIDDEN_EDGE, 7);
  edges.metrics.rtt.observe(HIDDEN_EDGE, 0.1);
  edges.metrics.io.add(HIDDEN_EDGE, 23);
  edges.unpin(HIDDEN_EDGE);
  edges.expire(1e12);
  assert.notEqual(edges.find(cart, depot, undefined, 80, 0), HIDDEN_EDGE);
  for (const family of [edges.metrics.rtt, edges.metrics.io]) {
    const shown = Array.from({ length: family.slots }, (_, slot) => slot).filter(
      (slot) => family.generation(slot) !== 0,
    );
    assert.equal(
      shown.some((slot) => family.value(slot) !== 0),
      false,
    );
  }
});

test("EdgeTable shows the labels that both ends have besides, and tells edges apart by them", () => {
  const edges = new EdgeTable({
    maxEdges: 10,
    idleExpiryMs: 1000,
    labels: [{ label: "zone", otlp: "cloud.availability_zone" }],
  });
  const [opened] = edges.metrics.all.filter(({ name }) => name === "weir.connections.opened");
  assert.deepEqual(
    opened?.attributeKeys.slice(-2).map(({ label, otlp }) => [label, otlp]),
    [
      ["client_zone", "client.cloud.availability_zone"],
      ["server_zone", "server.cloud.availability_zone"],
    ],
  );
  const here = { kind: "Pod", namespace: "a", workload: "w", chosen: ["z-1"] };
  const there = { kind: "Pod", namespace: "a", workload: "w", chosen: ["z-2"] };
  const one = edges.find(here, there, undefined, 80, 0);
  const other = edges.find(here, here, undefined, 80, 0);
  assert.notEqual(one, other);
  assert.deepEqual(opened?.attributes(one).slice(-2), ["z-1", "z-2"]);
  const external = { kind: "External", namespace: "", workload: "public" };
  assert.deepEqual(opened?.attributes(edges.find(here, external, undefined, 443, 0)).slice(-2), ["z-1", ""]);
});
