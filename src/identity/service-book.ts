import type { SlimService } from "../kubernetes/objects.ts";
import type { AddressBook } from "./address-book.ts";
import type { AnswerVersion } from "./answer-version.ts";
import { AskedKeys } from "./asked.ts";
import type { ServiceEntry, ServiceRecord } from "./directory-entries.ts";
import type { Interner } from "./interner.ts";
import type { Claim } from "./ownership.ts";
import { claimPorts, countEnded, holderOf, type PortHolding, prunePorts, releasePorts } from "./port-holding.ts";
import { portKey } from "./port-key.ts";

const NO_PORTS: readonly number[] = [];
const NO_ADDRESSES: readonly string[] = [];

export interface ServiceBookOptions {
  readonly version: AnswerVersion;
  readonly interner: Interner;
  readonly addresses: AddressBook;
}

/**
 * Which Service had which port of which address when.
 *
 * A headless Service and one of type ExternalName have no address: kube-proxy does nothing for them, whatever else they say. A
 * connection to a pod's own address is not one to a Service, even if the address came from a headless Service's name.
 */
export class ServiceBook {
  readonly #interner: Interner;
  readonly #addresses: AddressBook;
  readonly #services = new Map<string, ServiceRecord>();
  readonly #nodePorts = new Map<number, PortHolding<ServiceRecord>>();
  readonly #askedNodePorts: AskedKeys<number>;

  constructor({ version, interner, addresses }: ServiceBookOptions) {
    this.#interner = interner;
    this.#addresses = addresses;
    this.#askedNodePorts = new AskedKeys(version, new Set<number>());
  }

  get size(): number {
    return this.#services.size;
  }

  /** The Service behind a port of every node. `port` carries its transport. */
  nodePortAt(port: number, unixMs: number): ServiceEntry | undefined {
    this.#askedNodePorts.ask(port);
    return holderOf(this.#nodePorts.get(port), port, unixMs);
  }

  upsert(service: SlimService, claim: Claim): void {
    const record = this.#services.get(service.uid) ?? this.#newService(service);
    const hasAddress = service.type !== "ExternalName" && service.clusterIPs.length > 0;
    if (!hasAddress) {
      this.#move(record, NO_ADDRESSES, NO_PORTS, NO_PORTS, claim);
      return;
    }
    const addresses = [...new Set([...service.clusterIPs, ...service.externalIPs, ...service.loadBalancerIPs])];
    const ports = service.ports.map(({ port, protocol }) => portKey(port, protocol));
    const nodePorts = service.ports
      .filter(({ nodePort }) => nodePort !== 0)
      .map(({ nodePort, protocol }) => portKey(nodePort, protocol));
    this.#move(record, addresses, ports, nodePorts, claim);
  }

  delete(uid: string, claim: Claim): void {
    const record = this.#services.get(uid);
    if (record === undefined) return;
    this.#move(record, NO_ADDRESSES, NO_PORTS, NO_PORTS, claim);
    this.#services.delete(uid);
  }

  /** Forgets node ports that ended before a moment; returns how many ended ones remain. Addresses are the book of addresses' to prune. */
  prune(beforeMs: number): number {
    let remaining = 0;
    for (const [port, newest] of this.#nodePorts) {
      const kept = prunePorts(newest, beforeMs);
      if (kept === undefined) this.#nodePorts.delete(port);
      else this.#nodePorts.set(port, kept);
      remaining += countEnded(kept);
    }
    return remaining;
  }

  #newService({ uid, namespace, name }: SlimService): ServiceRecord {
    const ref = this.#interner.service(namespace, name);
    const answer = this.#interner.serviceAnswer(ref);
    const record: ServiceRecord = { uid, ref, answer, addresses: NO_ADDRESSES, ports: NO_PORTS, nodePorts: NO_PORTS };
    this.#services.set(uid, record);
    return record;
  }

  #move(
    record: ServiceRecord,
    addresses: readonly string[],
    ports: readonly number[],
    nodePorts: readonly number[],
    claim: Claim,
  ): void {
    const samePorts = same(record.ports, ports);
    for (const address of record.addresses) {
      const at = samePorts && addresses.includes(address) ? undefined : this.#addresses.find(address);
      if (at === undefined) continue;
      releasePorts(at.services, record, claim.nowMs);
      this.#addresses.touched(at);
    }
    for (const address of addresses) {
      const at = samePorts && record.addresses.includes(address) ? undefined : this.#addresses.reach(address);
      if (at === undefined) continue;
      at.services = claimPorts(at.services, record, ports, claim);
      this.#addresses.touched(at);
    }
    for (const port of new Set([...record.nodePorts, ...nodePorts])) {
      const [had, has] = [record.nodePorts.includes(port), nodePorts.includes(port)];
      if (had === has) continue;
      const newest = this.#nodePorts.get(port);
      if (has) this.#nodePorts.set(port, claimPorts(newest, record, [port], claim));
      else releasePorts(newest, record, claim.nowMs);
      this.#askedNodePorts.learnt(port);
    }
    record.addresses = addresses;
    record.ports = ports;
    record.nodePorts = nodePorts;
  }
}

function same(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((port, index) => port === others[index]);
}
