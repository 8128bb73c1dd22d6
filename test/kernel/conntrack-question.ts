import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseAddress } from "../../src/identity/address-text.ts";
import type { ConntrackDirection } from "../../src/kernel/addon.ts";
import type { ConntrackStats } from "../../src/kernel/conntrack.ts";
import type { ConntrackAddress, ConntrackTuple } from "../../src/kernel/conntrack-tuples.ts";
import { Program } from "../lab/program.ts";

const CHILD = fileURLToPath(new URL("ask-conntrack.ts", import.meta.url));

/** What the connection tracking of a network namespace answered. */
export interface ConntrackAnswered {
  readonly answers: readonly {
    readonly found: boolean;
    readonly translated: boolean;
    readonly original: Required<ConntrackTuple>;
    readonly reply: Required<ConntrackTuple>;
  }[];
  readonly stats: ConntrackStats;
}

/** Asks in the namespace into which `enter` leads: what goes before a command. */
export async function askConntrack(
  enter: readonly string[],
  tuples: readonly ConntrackTuple[],
  direction: ConntrackDirection,
): Promise<ConntrackAnswered> {
  const argv = [...enter, process.execPath, CHILD, JSON.stringify([tuples, direction])];
  return JSON.parse(await Program.mustRun(argv)) as ConntrackAnswered;
}

/** Ports from which established connections to a port of others' come, in the namespace into which `enter` leads. */
export async function clientPorts(enter: readonly string[], port: number): Promise<number[]> {
  const sockets = await Program.mustRun([...enter, "ss", "-Htn", "state", "established", `dport = ${port}`]);
  return [...sockets.matchAll(/:(\d+)\s+\S+:\d+\s*$/gm)].map(([, local]) => Number(local));
}

export function words(text: string): ConntrackAddress {
  const address = parseAddress(text);
  assert.ok(address, text);
  return [address.w0, address.w1, address.w2, address.w3];
}

export function tuple(
  source: string,
  sourcePort: number,
  destination: string,
  destinationPort: number,
): ConntrackTuple {
  return { source: words(source), sourcePort, destination: words(destination), destinationPort };
}
