import { AddressSet } from "./address-set.ts";
import { AddressTable } from "./address-table.ts";
import { parseAddress } from "./address-text.ts";
import type { AnswerVersion } from "./answer-version.ts";
import { AskedKeys } from "./asked.ts";
import { countGone, pruneBackends } from "./backend.ts";
import type { AddressRecord, NodeRecord, PodRecord } from "./directory-entries.ts";
import type { AddressWords } from "./endpoint.ts";
import { type Claim, Ownership } from "./ownership.ts";
import { countEnded, prunePorts } from "./port-holding.ts";

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
      const record = after.includes(text) ? undefined : this.find(text);
      if (record === undefined) continue;
      ownershipOf(record).release(owner, claim.nowMs);
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

  /** Forgets what ended before a moment; returns how many ended intervals remain. */
  prune(beforeMs: number): number {
    let remaining = 0;
    const empty: AddressWords[] = [];
    for (const [address, record] of this.#addresses.entries()) {
      remaining += pruneRecord(record, beforeMs);
      if (!record.pods && !record.nodes && !record.services && !record.backends) empty.push(address);
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
    const record: AddressRecord = {
      pods: undefined,
      nodes: undefined,
      services: undefined,
      backends: undefined,
      askedAt: 0,
    };
    this.#addresses.set(address, record);
    this.#missed.learnt(address);
    return record;
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
