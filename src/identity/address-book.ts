import { AddressSet } from "./address-set.ts";
import { AddressTable } from "./address-table.ts";
import { parseAddress } from "./address-text.ts";
import type { AnswerVersion } from "./answer-version.ts";
import { AskedKeys } from "./asked.ts";
import type { NodeRecord, PodRecord, ServiceRecord } from "./directory-entries.ts";
import type { AddressWords } from "./endpoint.ts";
import { type Claim, Ownership } from "./ownership.ts";

/** All that is known of one address. */
export interface AddressRecord {
  pods: Ownership<PodRecord> | undefined;
  nodes: Ownership<NodeRecord> | undefined;
  services: Map<number, Ownership<ServiceRecord>> | undefined;
  askedAt: number;
}

/** Every address of the cluster with its owners over time. The version grows where an answer changes that was given since it last grew. */
export class AddressBook {
  readonly #version: AnswerVersion;
  readonly #addresses = new AddressTable<AddressRecord>();
  readonly #missed: AskedKeys<AddressWords>;
  #misses = 0;
  #badAddresses = 0;

  constructor(version: AnswerVersion) {
    this.#version = version;
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
    if (record !== undefined) record.askedAt = this.#version.value;
    else {
      this.#misses += 1;
      this.#missed.ask(address);
    }
    return record;
  }

  /** Releases what `before` alone names and claims what `after` alone names, with the version grown where that was asked about. */
  change<T extends object>(
    before: readonly string[],
    after: readonly string[],
    ownershipOf: (address: AddressRecord) => Ownership<T>,
    owner: T,
    claim: Claim,
  ): void {
    for (const text of before) {
      if (after.includes(text)) continue;
      const address = parseAddress(text);
      const record = address && this.#addresses.get(address);
      if (record === undefined) continue;
      ownershipOf(record).release(owner, claim.nowMs);
      this.#touched(record);
    }
    for (const text of after) {
      if (before.includes(text)) continue;
      const address = parseAddress(text);
      if (address === undefined) {
        this.#badAddresses += 1;
        continue;
      }
      const record = this.#addresses.get(address) ?? this.#newAddress(address);
      ownershipOf(record).claim(owner, claim);
      this.#touched(record);
    }
  }

  /** Forgets what ended before a moment; returns how many ended intervals remain. */
  prune(beforeMs: number): number {
    let remaining = 0;
    const empty: AddressWords[] = [];
    for (const [address, record] of this.#addresses.entries()) {
      remaining += pruneRecord(record, beforeMs);
      if (!record.pods && !record.nodes && !record.services) empty.push(address);
    }
    for (const address of empty) {
      // Whoever is told "nobody" after this must hear of the next owner, and so must those who were told before.
      const askedAt = this.#addresses.get(address)?.askedAt;
      this.#addresses.delete(address);
      if (askedAt === this.#version.value) this.#missed.ask(address);
    }
    return remaining;
  }

  #newAddress(address: AddressWords): AddressRecord {
    const record: AddressRecord = { pods: undefined, nodes: undefined, services: undefined, askedAt: 0 };
    this.#addresses.set(address, record);
    this.#missed.learnt(address);
    return record;
  }

  #touched(record: AddressRecord): void {
    if (record.askedAt === this.#version.value) this.#version.bump();
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

/** The Services that had a port of an address. */
export function portOf(record: AddressRecord, port: number): Ownership<ServiceRecord> {
  record.services ??= new Map();
  let ownership = record.services.get(port);
  if (ownership === undefined) {
    ownership = new Ownership<ServiceRecord>();
    record.services.set(port, ownership);
  }
  return ownership;
}

/** Returns how many ended intervals remain. */
function pruneRecord(record: AddressRecord, beforeMs: number): number {
  const pods = record.pods?.prune(beforeMs) ?? -1;
  const nodes = record.nodes?.prune(beforeMs) ?? -1;
  if (pods < 0) record.pods = undefined;
  if (nodes < 0) record.nodes = undefined;
  let remaining = Math.max(0, pods) + Math.max(0, nodes);
  for (const [port, ownership] of record.services ?? []) {
    const ended = ownership.prune(beforeMs);
    if (ended < 0) record.services?.delete(port);
    else remaining += ended;
  }
  if (record.services?.size === 0) record.services = undefined;
  return remaining;
}
