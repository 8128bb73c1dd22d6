import { connectPeer, PeerServer, type PeerTotals } from "../lab/peer.ts";
import type { Place } from "../lab/place.ts";
import type { AgentProcess } from "../rig/agent-process.ts";
import { freePort } from "../rig/free-port.ts";
import type { BenchOptions, Reading } from "./bench.ts";
import { startAgent } from "./bench-agent.ts";
import { here } from "./here.ts";

const BURST_PER_S = 20_000;
const BURST_S = 30;
const QUICK_BURST_S = 5;
/** A source address has 28 000 ports, and each is kept for a second or more after its connection. */
const SOURCES = "127.1.0.1+64";

const SHORT = 20_000;
const SHORT_PER_S = 2_000;
const SHORT_REQUEST_BYTES = 100;
const SHORT_RESPONSE_BYTES = 1_000;
const STREAM_BYTES = 500_000_000;

/** More connections than two cores like: each is opened once, closed once, and none is lost. */
export async function conserved({ quick }: BenchOptions): Promise<Reading[]> {
  const place = await here();
  const seconds = quick ? QUICK_BURST_S : BURST_S;
  const agent = await startAgent();
  try {
    const { port, made } = await load(place, {
      count: BURST_PER_S * seconds,
      ratePerSecond: BURST_PER_S,
      concurrency: 256,
      send: 7,
      expect: 11,
      source: SOURCES,
    });
    const seen = await counted(agent, port, made);
    return [
      {
        what: `connections opened, of ${made.opened} made`,
        value: seen.opened,
        unit: "",
        target: { exactly: made.opened },
        beside: "",
      },
      { what: "connections closed", value: seen.closed, unit: "", target: { exactly: made.closed }, beside: "" },
      ...bytes(seen, made, "all of it"),
      lost(seen),
      {
        what: "rate that the generator reached",
        value: made.opened / made.seconds,
        unit: "connections/s",
        target: { atLeast: 0.98 * BURST_PER_S },
        beside: `for ${made.seconds.toFixed(1)} s; client, server and agent share this machine`,
      },
    ];
  } finally {
    await agent.stop();
  }
}

/** What agents of this kind lose at their defaults: short connections, and then one long stream. */
export async function trueAtDefaults(): Promise<Reading[]> {
  const place = await here();
  const agent = await startAgent();
  try {
    const short = await load(place, {
      count: SHORT,
      ratePerSecond: SHORT_PER_S,
      send: SHORT_REQUEST_BYTES,
      expect: SHORT_RESPONSE_BYTES,
    });
    const shortSeen = await counted(agent, short.port, short.made);
    const stream = await load(place, { count: 1, send: STREAM_BYTES, expect: 0 });
    const streamSeen = await counted(agent, stream.port, stream.made);
    const perSecond = (short.made.opened / short.made.seconds).toFixed(0);
    return [
      {
        what: "short connections",
        value: shortSeen.closed,
        unit: "",
        target: { exactly: SHORT },
        beside: `${perSecond} a second; opened ${shortSeen.opened}`,
      },
      ...bytes(shortSeen, short.made, "of the short ones"),
      {
        what: "bytes of one stream",
        value: streamSeen.requestBytes,
        unit: "",
        target: { exactly: STREAM_BYTES },
        beside: `in ${streamSeen.closed} connection`,
      },
      lost(streamSeen),
    ];
  } finally {
    await agent.stop();
  }
}

type Load = Omit<Parameters<typeof connectPeer>[1], "to" | "port"> & { send: number; expect: number };

async function load(place: Place, options: Load): Promise<{ port: number; made: PeerTotals }> {
  const port = await freePort();
  const server = await PeerServer.start(place, { port, read: options.send, respond: options.expect });
  const made = await connectPeer(place, { to: "127.0.0.1", port, ...options });
  const served = await server.stop();
  if (served.closed !== made.closed) {
    throw new Error(`Cannot measure: the client closed ${made.closed} connections and the server ${served.closed}`);
  }
  return { port, made };
}

interface Counted {
  readonly opened: number;
  readonly closed: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** By stage and reason, those of 0 left out. */
  readonly lost: readonly { readonly reason: string; readonly records: number }[];
}

/** What the agent says of a port, once it has it all or has had time to. */
async function counted(agent: AgentProcess, port: number, made: PeerTotals): Promise<Counted> {
  const labels = { server_port: String(port) };
  const closed = "weir_connections_closed_total";
  // a sum that stays wrong is what the table is to show
  await agent.waitForSum(closed, labels, made.closed, 5_000).catch(() => {});
  const sum = (name: string, more = {}) => agent.sum(name, { ...labels, ...more });
  return {
    opened: await sum("weir_connections_opened_total"),
    closed: await sum(closed),
    requestBytes: await sum("weir_flow_io_bytes_total", { direction: "request" }),
    responseBytes: await sum("weir_flow_io_bytes_total", { direction: "response" }),
    lost: (await agent.metrics("weir_agent_lost_records_total"))
      .filter(({ value }) => value > 0)
      .map(({ labels, value }) => ({ reason: `${labels["stage"]}: ${labels["reason"]}`, records: value })),
  };
}

/** Of all connections of this host, whoever's they are. */
function lost(seen: Counted): Reading {
  const value = seen.lost.reduce((sum, { records }) => sum + records, 0);
  const reasons = seen.lost.map(({ reason, records }) => `${records} ${reason}`);
  const beside = ["at defaults, of the whole host", ...reasons].join("; ");
  return { what: "records lost", value, unit: "", target: { exactly: 0 }, beside };
}

function bytes(seen: Counted, made: PeerTotals, beside: string): Reading[] {
  return [
    { what: "bytes sent", value: seen.requestBytes, unit: "", target: { exactly: made.bytesSent }, beside },
    { what: "bytes received", value: seen.responseBytes, unit: "", target: { exactly: made.bytesReceived }, beside },
  ];
}
