import type { AgentProcess } from "../rig/agent-process.ts";

/** What an agent's watches have asked for and got so far, all together. */
export interface WatchTotals {
  readonly requests: number;
  /** Of answers. */
  readonly bytes: number;
  readonly events: number;
}

export async function watchTotals(agent: AgentProcess): Promise<WatchTotals> {
  const [requests, bytes, events] = await Promise.all(
    ["requests_total", "received_bytes_total", "events_total"].map((name) => agent.sum(`weir_agent_watch_${name}`)),
  );
  return { requests: requests ?? 0, bytes: bytes ?? 0, events: events ?? 0 };
}
