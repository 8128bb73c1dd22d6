import { type Attributes, type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { ConnectionEvent } from "../../flows/connection-event.ts";
import type { Endpoint } from "../../identity/endpoint.ts";
import { cleanText } from "../../metrics/clean-text.ts";
import { hrTimeOf } from "./hr-time.ts";
import { spanIdsOf } from "./span-ids.ts";

/**
 * The span of a connection, from its first segment to its end.
 *
 * It has kind CLIENT or SERVER by the end that was observed. A server's span has the client's as its parent only where
 * `hasClientSpan`: receivers drop a span whose parent never arrives from their service graph.
 */
export function connectionSpan(
  event: ConnectionEvent,
  resource: Resource,
  scope: InstrumentationScope,
  hasClientSpan: boolean,
): ReadableSpan {
  const isClient = event.observer === "client";
  const ids = spanIdsOf(event);
  const contextOf = (spanId: string): SpanContext => ({ traceId: ids.traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  const context = contextOf(isClient ? ids.clientSpanId : ids.serverSpanId);
  const parent =
    isClient || !hasClientSpan ? {} : { parentSpanContext: { ...contextOf(ids.clientSpanId), isRemote: true } };
  // Receivers compute durations without sign: a clock that was set back must not make one of centuries.
  const endUnixMs = Math.max(event.startUnixMs, event.endUnixMs);
  return {
    name: event.establishedUnixMs === undefined ? "tcp connect" : "tcp connection",
    kind: isClient ? SpanKind.CLIENT : SpanKind.SERVER,
    spanContext: () => context,
    ...parent,
    startTime: hrTimeOf(event.startUnixMs),
    endTime: hrTimeOf(endUnixMs),
    duration: hrTimeOf(endUnixMs - event.startUnixMs),
    status:
      event.failure === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: `connection failed: ${event.failure}` },
    attributes: attributesOf(event, isClient),
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function attributesOf(event: ConnectionEvent, isClient: boolean): Attributes {
  const attributes: Attributes = {
    "network.transport": "tcp",
    "network.type": event.serverAddress.includes(":") ? "ipv6" : "ipv4",
    "client.address": event.clientAddress,
    "client.port": event.clientPort,
    "server.address": event.serverAddress,
    "server.port": event.serverPort,
    "network.peer.address": isClient ? event.serverAddress : event.clientAddress,
    "network.peer.port": isClient ? event.serverPort : event.clientPort,
    "weir.flow.request.size": event.requestBytes,
    "weir.flow.response.size": event.responseBytes,
    "weir.tcp.retransmits": event.retransmits,
  };
  addEndpoint(attributes, "client", event.client);
  addEndpoint(attributes, "server", event.server);
  if (event.service !== undefined) {
    attributes["server.k8s.service.name"] = cleanText(event.service.name);
    attributes["server.k8s.service.namespace"] = cleanText(event.service.namespace);
  }
  if (event.establishedUnixMs !== undefined) {
    attributes["weir.connect.duration"] = Math.max(0, event.establishedUnixMs - event.startUnixMs) / 1000;
  }
  if (event.failure !== undefined) attributes["error.type"] = event.failure;
  if (event.pid > 0) attributes["process.pid"] = event.pid;
  if (event.comm !== "") attributes["process.executable.name"] = cleanText(event.comm);
  const peer = peerService(event, isClient);
  if (peer !== "") attributes["peer.service"] = peer;
  return attributes;
}

function addEndpoint(attributes: Attributes, side: "client" | "server", endpoint: Endpoint): void {
  if (endpoint.namespace !== "") attributes[`${side}.k8s.namespace.name`] = cleanText(endpoint.namespace);
  attributes[`${side}.k8s.workload.name`] = cleanText(endpoint.workload);
  attributes[`${side}.k8s.workload.kind`] = endpoint.kind;
}

/** The other end's name: deprecated by OpenTelemetry, and still what service graphs read for an end without spans. */
function peerService(event: ConnectionEvent, isClient: boolean): string {
  const peer = isClient ? event.server : event.client;
  if (peer.kind !== "Unknown") return cleanText(peer.workload);
  return isClient ? cleanText(event.service?.name ?? "") : "";
}
