import { AddressSet } from "./address-set.ts";
import { AddressTable } from "./address-table.ts";
import { parseAddress } from "./address-text.ts";
import type { AnswerVersion } from "./answer-version.ts";
import { AskedKeys } from "./asked.ts";
import { countGone, pruneBackends } from "./backend.ts";
import type { AddressRecord, NodeRecord, PodRecord } from "./directory-entries.ts";
import type { AddressWords } from "./endpoint.ts";
import { type Claim, Ownership, type Release } from "./ownership.ts";
import { countEnded, prunePorts } from "./port-holding.ts";

/** Every address of the cluster with its owners over time. The version grows where an answer changes that was given since it last grew. */
export class AddressBook {
  readonly #version: AnswerVersion;
  readonly #addresses = new AddressTable<AddressRecord>();
  readonly #missed: AskedKeys<AddressWords>;
  #misses = 0;
  #badAddresses = 0;
  readonly #clock: () => number;
  /** When the first of the answers ends that were given for a tail, and the last; 0 where none was. */
  #firstTailMs = 0;
  #lastTailMs = 0;

  /** `clock`: milliseconds since the Unix epoch. */
  constructor(version: AnswerVersion, clock: () => number) {
    this.#version = version;
    this.#clock = clock;
    this.#missed = new AskedKeys(version, new AddressSet());
  }

  get size(): number {
    return this.#addresses.size;
  }

  /** Questions about addresses that nobody is known to have had. */
  get misses(): number {
    return this.#misses;
  }

  /** Addresses that could not be read. */
  get badAddresses(): number {
    return this.#badAddresses;
  }

  /** What is known of an address, remembered as asked about. Allocates nothing on a hit. */
  ask(address: AddressWords): AddressRecord | undefined {
    const record = this.#addresses.get(address);
    if (record !== undefined) {
      record.askedAt = this.#version.value;
      if (record.tailUntilMs !== 0) this.#askTail(record);
    } else {
      this.#misses += 1;
      this.#missed.ask(address);
    }
    return record;
  }

  /** Lets the version grow where an answer that was given has ended by the time alone. */
  settle(): void {
    if (this.#firstTailMs === 0 || this.#clock() < this.#firstTailMs) return;
    this.#firstTailMs = this.#lastTailMs > this.#firstTailMs ? this.#lastTailMs : 0;
    this.#version.bump();
  }

  /** Releases what `before` alone names and claims what `after` alone names, with the version grown where that was asked about. */
  change<T extends object>(
    before: readonly string[],
    after: readonly string[],
    ownershipOf: (address: AddressRecord) => Ownership<T>,
    owner: T,
    claim: Claim,
    release: Release = { nowMs: claim.nowMs },
  ): void {
    if (before === after) return;
    for (const text of before) {
      const record = after.includes(text) ? undefined : this.find(text);
      if (record === undefined) continue;
      ownershipOf(record).release(owner, release);
      const { nowMs, untilMs = nowMs } = release;
      if (untilMs > nowMs) record.tailUntilMs = untilMs;
      this.touched(record);
    }
    for (const text of after) {
      const record = before.includes(text) ? undefined : this.reach(text);
      if (record === undefined) continue;
      ownershipOf(record).claim(owner, claim);
      this.touched(record);
    }
  }

  /** What is known of an address, for who changes it; undefined where nothing is. */
  find(text: string): AddressRecord | undefined {
    const address = parseAddress(text);
    return address && this.#addresses.get(address);
  }

  /** The same, made where nobody had the address. Texts that are no address are counted, and give undefined. */
  reach(text: string): AddressRecord | undefined {
    const address = parseAddress(text);
    if (address === undefined) {
      this.#badAddresses += 1;
      return undefined;
    }
    return this.#addresses.get(address) ?? this.#newAddress(address);
  }

  /** To be called when answers about an address have changed: grows the version where they were asked for. */
  touched(record: AddressRecord): void {
    if (record.askedAt === this.#version.value) this.#version.bump();
  }

  touchedAll(addresses: readonly string[]): void {
    for (const text of addresses) {
      const record = this.find(text);
      if (record !== undefined) this.touched(record);
    }
  }

  /** Takes up that the owner had the addresses, and has given them back before that was heard of. */
  recall<T extends object>(
    addresses: readonly string[],
    ownershipOf: (address: AddressRecord) => Ownership<T>,
    owner: T,
    claim: Claim,
    release: Release,
  ): void {
    for (const text of addresses) {
      const record = this.reach(text);
      if (record === undefined) continue;
      ownershipOf(record).recall(owner, claim, release);
      this.touched(record);
    }
  }

  /**
   * Forgets what ended before a moment, step by step, between which everything else may go on; returns how many ended intervals
   * remain of what it came by.
   */
  *prune(beforeMs: number): Generator<void, number> {
    let remaining = 0;
    const empty: AddressWords[] = [];
    for (const [address, record] of this.#addresses.entries()) {
      remaining += pruneRecord(record, beforeMs);
      if (isEmpty(record)) empty.push(address);
      yield;
    }
    for (const address of empty) {
      const record = this.#addresses.get(address);
      // Somebody may have taken it since.
      if (record === undefined || !isEmpty(record)) continue;
      this.#addresses.delete(address);
      // Until now it was an address of the cluster's that nobody has, from now on it is anybody's.
      if (record.askedAt === this.#version.value) this.#version.bump();
    }
    return remaining;
  }

  #newAddress(address: AddressWords): AddressRecord {
    const record: AddressRecord = {
      pods: undefined,
      nodes: undefined,
      services: undefined,
      backends: undefined,
      askedAt: 0,
      tailUntilMs: 0,
    };
    this.#addresses.set(address, record);
    this.#missed.learnt(address);
    return record;
  }

  #askTail(record: AddressRecord): void {
    if (this.#clock() >= record.tailUntilMs) {
      record.tailUntilMs = 0;
      return;
    }
    if (this.#firstTailMs === 0) this.#firstTailMs = record.tailUntilMs;
    this.#lastTailMs = Math.max(this.#lastTailMs, record.tailUntilMs);
  }
}

/** The pods that had an address. */
export function podsOf(record: AddressRecord): Ownership<PodRecord> {
  record.pods ??= new Ownership<PodRecord>();
  return record.pods;
}

/** The nodes that had an address. */
export function nodesOf(record: AddressRecord): Ownership<NodeRecord> {
  record.nodes ??= new Ownership<NodeRecord>();
  return record.nodes;
}

function isEmpty({ pods, nodes, services, backends }: AddressRecord): boolean {
  return pods === undefined && nodes === undefined && services === undefined && backends === undefined;
}

/** Returns how many ended intervals remain. */
function pruneRecord(record: AddressRecord, beforeMs: number): number {
  const pods = record.pods?.prune(beforeMs) ?? -1;
  const nodes = record.nodes?.prune(beforeMs) ?? -1;
  if (pods < 0) record.pods = undefined;
  if (nodes < 0) record.nodes = undefined;
  record.services = prunePorts(record.services, beforeMs);
  record.backends = pruneBackends(record.backends, beforeMs);
  return Math.max(0, pods) + Math.max(0, nodes) + countEnded(record.services) + countGone(record.backends);
}
