import assert from "node:assert/strict";
import type { Sample } from "../rig/exposition.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { edgesAt, type ObservedEdge } from "./observed-edge.ts";

const DEADLINE_MS = 6_000;

/** An agent, or several that add up. */
export interface Observer {
  metrics(): Promise<Sample[]>;
}

/** What the agent must say of each server port, from when it first did. */
export class EdgeExpectations {
  readonly #agent: Observer;
  readonly #metByPort = new Map<number, { wanted: readonly ObservedEdge[]; view: View }>();

  constructor(agent: Observer) {
    this.#agent = agent;
  }

  /** Waits until the edges to a port, in this view of them, are these and no others. */
  async meet(port: number, expected: readonly ObservedEdge[], view: View = asItIs): Promise<void> {
    const wanted = inOrder(expected);
    let seen: readonly ObservedEdge[] = [];
    const look = async () => {
      seen = inOrder(edgesAt(port, await this.#agent.metrics()).map(view));
      assert.deepEqual(seen, wanted);
      return true;
    };
    await waitUntil(look, { what: `the edges to port ${port}`, deadlineMs: DEADLINE_MS, intervalMs: 100 }).catch(() =>
      assert.deepEqual(seen, wanted),
    );
    this.#metByPort.set(port, { wanted, view });
  }

  /** Once more all that was met, sweeps later: nothing came on top, and nothing was lost. */
  async stillHold(): Promise<void> {
    const samples = await this.#agent.metrics();
    for (const [port, { wanted, view }] of this.#metByPort) {
      assert.deepEqual(inOrder(edgesAt(port, samples).map(view)), wanted, `the edges to port ${port}`);
    }
    for (const { name, labels, value } of samples) {
      // sockets of this host that were closing when the agent came are no loss of its time
      if (name !== "weir_agent_lost_records_total" || labels["reason"] === "before_start") continue;
      assert.equal(value, 0, JSON.stringify(labels));
    }
  }
}

/** What of an edge is compared. */
export type View = (edge: ObservedEdge) => ObservedEdge;

const asItIs: View = (edge) => edge;

function inOrder(edges: readonly ObservedEdge[]): readonly ObservedEdge[] {
  const names = ({ client, server, service }: ObservedEdge) => JSON.stringify([client, server, service]);
  return edges.toSorted((a, b) => names(a).localeCompare(names(b)));
}
