import type { Claim } from "./ownership.ts";

/** Ports of one address that somebody had from one moment up to another, in milliseconds since the Unix epoch; newest first. */
export interface PortHolding<T> {
  readonly owner: T;
  /** With their transport. Shared by all addresses of the owner. */
  readonly ports: readonly number[];
  readonly fromMs: number;
  /** Infinity while it lasts. */
  untilMs: number;
  older: PortHolding<T> | undefined;
}

/** Who had a port at a moment; of several the one heard of last. Allocates nothing. */
export function holderOf<T>(newest: PortHolding<T> | undefined, port: number, unixMs: number): T | undefined {
  for (let holding = newest; holding !== undefined; holding = holding.older) {
    if (unixMs >= holding.fromMs && unixMs < holding.untilMs && holding.ports.includes(port)) return holding.owner;
  }
  return undefined;
}

/**
 * Adds a claim, and returns what is newest now. It begins no earlier than another's time with one of the ports has ended, and
 * now where that has not.
 */
export function claimPorts<T>(
  newest: PortHolding<T> | undefined,
  owner: T,
  ports: readonly number[],
  { nowMs, sinceMs }: Pick<Claim, "nowMs" | "sinceMs">,
): PortHolding<T> {
  let fromMs = sinceMs;
  for (let holding = newest; holding !== undefined; holding = holding.older) {
    if (holding.owner === owner || !holding.ports.some((port) => ports.includes(port))) continue;
    fromMs = Math.max(fromMs, Math.min(holding.untilMs, nowMs));
  }
  return { owner, ports, fromMs, untilMs: Number.POSITIVE_INFINITY, older: newest };
}

/** Ends what the owner has, and nothing of anybody else's. */
export function releasePorts<T>(newest: PortHolding<T> | undefined, owner: T, nowMs: number): void {
  for (let holding = newest; holding !== undefined; holding = holding.older) {
    if (holding.owner !== owner || holding.untilMs !== Number.POSITIVE_INFINITY) continue;
    holding.untilMs = Math.max(holding.fromMs, nowMs);
  }
}

/** Without what ended before a moment. */
export function prunePorts<T>(newest: PortHolding<T> | undefined, beforeMs: number): PortHolding<T> | undefined {
  let head = newest;
  while (head !== undefined && head.untilMs < beforeMs) head = head.older;
  for (let holding = head; holding !== undefined; ) {
    if (holding.older !== undefined && holding.older.untilMs < beforeMs) holding.older = holding.older.older;
    else holding = holding.older;
  }
  return head;
}

export function countEnded<T>(newest: PortHolding<T> | undefined): number {
  let ended = 0;
  for (let holding = newest; holding !== undefined; holding = holding.older) {
    if (holding.untilMs !== Number.POSITIVE_INFINITY) ended += 1;
  }
  return ended;
}
