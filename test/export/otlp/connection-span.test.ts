import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { connectionSpan } from "../../../src/export/otlp/connection-span.ts";
import { connectionEvent } from "./connection-event.ts";

const RESOURCE = resourceFromAttributes({ "service.name": "frontend" });
const SCOPE = { name: "weir", version: "1" };

function spanOf(changes: Parameters<typeof connectionEvent>[0] = {}, hasClientSpan = false) {
  return connectionSpan(connectionEvent(changes), RESOURCE, SCOPE, hasClientSpan);
}

test("connectionSpan() gives the two ends one trace, and the server's span the client's as parent where there is one", () => {
  const client = spanOf();
  const server = spanOf({ observer: "server", serverAddress: "10.244.2.7" }, true);
  assert.equal(client.kind, SpanKind.CLIENT);
  assert.equal(server.kind, SpanKind.SERVER);
  assert.equal(server.spanContext().traceId, client.spanContext().traceId);
  assert.equal(server.parentSpanContext?.spanId, client.spanContext().spanId);
  assert.notEqual(server.spanContext().spanId, client.spanContext().spanId);
  assert.equal(client.parentSpanContext, undefined);
  assert.equal(spanOf({ observer: "server" }, false).parentSpanContext, undefined);
});

test("connectionSpan() never ends before it starts", () => {
  const span = spanOf({ startUnixMs: 2000.5, endUnixMs: 1000, establishedUnixMs: 1500 });
  assert.deepEqual(span.startTime, [2, 500_000]);
  assert.deepEqual(span.endTime, span.startTime);
  assert.deepEqual(span.duration, [0, 0]);
  assert.equal(span.attributes["weir.connect.duration"], 0);
});

test("connectionSpan() is an error with its reason where the connection failed", () => {
  const span = spanOf({ failure: "refused", establishedUnixMs: undefined, clientIsn: 0, serverIsn: 0 });
  assert.equal(span.name, "tcp connect");
  assert.equal(span.status.code, SpanStatusCode.ERROR);
  assert.equal(span.attributes["error.type"], "refused");
  assert.equal("weir.connect.duration" in span.attributes, false);
});

test("connectionSpan() names the peer by its workload, else by the Service, else not at all", () => {
  const unknown = { kind: "Unknown", namespace: "", workload: "unknown" };
  assert.equal(spanOf().attributes["peer.service"], "cart");
  assert.equal(spanOf({ server: unknown }).attributes["peer.service"], "cart-service");
  assert.equal("peer.service" in spanOf({ server: unknown, service: undefined }).attributes, false);
  assert.equal(spanOf({ observer: "server" }).attributes["peer.service"], "frontend");
});
