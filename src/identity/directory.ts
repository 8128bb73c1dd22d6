import type {
  ObjectSink,
  SlimEndpointSlice,
  SlimNode,
  SlimOwner,
  SlimPod,
  SlimService,
} from "../kubernetes/objects.ts";
import { AddressBook, nodesOf, podsOf } from "./address-book.ts";
import type { AnswerVersion } from "./answer-version.ts";
import { AskedKeys } from "./asked.ts";
import { backendPodAt, externalBackendAt, isBackendOf } from "./backend.ts";
import { CidrTable } from "./cidr-table.ts";
import type { AddressRecord, NodeEntry, NodeRecord, PodEntry, PodRecord, ServiceEntry } from "./directory-entries.ts";
import type { AddressWords, Endpoint, ServiceRef } from "./endpoint.ts";
import { type EndpointLabels, NO_LABELS } from "./endpoint-labels.ts";
import type { Interner } from "./interner.ts";
import { labelName } from "./label-name.ts";
import { Owners, type PodOrigin } from "./owners.ts";
import type { Claim, Release } from "./ownership.ts";
import { PeerAgents } from "./peer-agents.ts";
import { holderOf } from "./port-holding.ts";
import { ServiceBook } from "./service-book.ts";
import { SliceBook } from "./slice-book.ts";
import { workloadOf } from "./workload.ts";

export interface DirectoryOptions {
  /** Milliseconds since the Unix epoch. */
  readonly clock: () => number;
  readonly version: AnswerVersion;
  readonly interner: Interner;
  /** UID of the agent's own pod, by which the agents of other nodes are known; empty where it is none. */
  readonly ownPodUid?: string;
  /** Labels of endpoints besides namespace, workload and kind; none by default. */
  readonly labels?: EndpointLabels;
  /** How long what was deleted still answers for its time; 120 000 by default. */
  readonly graceMs?: number;
  /** How much earlier than we hear of it a node or Service may have used its address; 10 000 by default. */
  readonly leadMs?: number;
  /** How far the clocks of nodes may be apart; 5000 by default. */
  readonly clockToleranceMs?: number;
  /** Ended intervals kept at most; beyond, half the grace time is given. 50 000 by default. */
  readonly maxEnded?: number;
}

/** Sizes and losses, all plain counts. */
export interface DirectoryStats {
  readonly pods: number;
  readonly services: number;
  readonly endpointSlices: number;
  readonly nodes: number;
  readonly addresses: number;
  readonly endedIntervals: number;
  /** Pod UIDs and container ids asked for and not known (yet). */
  readonly pendingPods: number;
  readonly addressMisses: number;
  /** Sweeps that had to forget before the grace time was over. */
  readonly shortenedGraces: number;
  /** Objects with an address or network that cannot be read. */
  readonly badAddresses: number;
}

/** What of a pod is in its endpoint, besides what made it. */
type PodDescription = Pick<SlimPod, "namespace" | "name" | "nodeName" | "chosen">;

/** For how long after the news of its deletion a pod whose containers are not known to have ended may still be there. */
const TAIL_MS = 100;
/** How long news may have been under way. */
const NEWS_MS = 1000;
/** Times of the API are whole seconds, rounded down. */
const ROUNDED_MS = 1000;
const MS_PER_S = 1000;
const NO_ADDRESSES: readonly string[] = [];
/** Pods and addresses that a sweep comes by at each news, which takes it less than a millisecond. */
const SWEEP_STEPS = 500;

/**
 * Who held an address, when: pods, nodes and Services of the cluster, from the watch.
 *
 * Answers are for a moment, and stay right when an address goes to another pod. The version grows only where an answer that
 * was given since it last grew could change; the churn of pods that nobody here talks to leaves it alone.
 */
export class Directory implements ObjectSink {
  /** The nodes on which another agent counts. */
  readonly peers: PeerAgents;
  readonly #clock: () => number;
  readonly #version: AnswerVersion;
  readonly #interner: Interner;
  readonly #labels: EndpointLabels;
  readonly #graceMs: number;
  readonly #leadMs: number;
  readonly #clockToleranceMs: number;
  readonly #maxEnded: number;
  readonly #pods = new Map<string, PodRecord>();
  readonly #containers = new Map<string, PodRecord>();
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #nodesByName = new Map<string, NodeRecord>();
  readonly #addresses: AddressBook;
  readonly #services: ServiceBook;
  readonly #slices: SliceBook;
  readonly #owners = new Owners();
  #podRanges = new CidrTable<NodeRecord>();
  readonly #missedPods: AskedKeys<string>;
  #listed = false;
  #podsListed = false;
  /** While pods are listed anew, or the watch goes on after it was away. */
  #oldPodNews = false;
  #lastPodNewsMs: number;
  /** Since when there was no gap in the news; before that, others may have had addresses of whom no news came. */
  #podNewsFreshMs = Number.NEGATIVE_INFINITY;
  #sweptMs: number;
  /** What is left of the sweep under way; undefined while there is none. */
  #sweeping: Generator<void> | undefined;
  #endedIntervals = 0;
  #shortenedGraces = 0;
  #badNetworks = 0;

  constructor(options: DirectoryOptions) {
    this.peers = new PeerAgents(options.ownPodUid ?? "", options.version);
    this.#clock = options.clock;
    this.#version = options.version;
    this.#interner = options.interner;
    this.#labels = options.labels ?? NO_LABELS;
    this.#graceMs = options.graceMs ?? 120_000;
    this.#leadMs = options.leadMs ?? 10_000;
    this.#clockToleranceMs = options.clockToleranceMs ?? 5000;
    this.#maxEnded = options.maxEnded ?? 50_000;
    this.#addresses = new AddressBook(options.version, options.clock);
    const { version, interner } = options;
    this.#services = new ServiceBook({ version, interner, addresses: this.#addresses });
    this.#slices = new SliceBook({ interner, addresses: this.#addresses });
    this.#missedPods = new AskedKeys(options.version, new Set<string>());
    this.#sweptMs = options.clock();
    this.#lastPodNewsMs = this.#sweptMs;
  }

  /**
   * Tells that the first list is complete. What came before is taken to have been so always, for connections
   * older than the agent; what comes after, for as long as the news may have been under way.
   */
  listed(): void {
    this.#listed = true;
    this.#podsListed = true;
  }

  newsMayBeOld(resource: string): void {
    if (resource === "pods") this.#oldPodNews = true;
  }

  newsAreFresh(resource: string): void {
    if (resource !== "pods") return;
    const nowMs = this.#clock();
    if (this.#podsListed) this.#podNewsFreshMs = nowMs;
    this.#oldPodNews = false;
    this.#podsListed = true;
    this.#lastPodNewsMs = nowMs;
  }

  /** To be called before answers are taken from a cache: some end by the time alone. */
  settle(): void {
    this.#addresses.settle();
  }

  /** Whether anything has had the address lately; where not, there is no need to ask more. */
  knows(address: AddressWords): boolean {
    return this.#addresses.ask(address) !== undefined;
  }

  /** The pod that held an address at a moment. */
  podAt(address: AddressWords, unixMs: number): PodEntry | undefined {
    return this.#addresses.ask(address)?.pods?.at(unixMs);
  }

  /** The node that had an address at a moment. */
  nodeAt(address: AddressWords, unixMs: number): NodeEntry | undefined {
    return this.#addresses.ask(address)?.nodes?.at(unixMs);
  }

  /** The Service behind a port of an address (ClusterIP, externalIP, load balancer), or behind a node's port. */
  serviceAt(address: AddressWords, port: number, unixMs: number, transport = 0): ServiceEntry | undefined {
    const record = this.#addresses.ask(address);
    return record && this.serviceOf(record, port, unixMs, transport);
  }

  /** The same, for an address that was looked up already. Allocates nothing. */
  serviceOf(record: AddressRecord, port: number, unixMs: number, transport = 0): ServiceEntry | undefined {
    const own = holderOf(record.services, port + transport, unixMs);
    if (own !== undefined || record.nodes?.at(unixMs) === undefined) return own;
    return this.nodePortAt(port, unixMs, transport);
  }

  /** The Service behind a port of every node. */
  nodePortAt(port: number, unixMs: number, transport = 0): ServiceEntry | undefined {
    return this.#services.nodePortAt(port + transport, unixMs);
  }

  /** Whether a Service holds the address at a moment, on whatever port. */
  isServiceAddress(address: AddressWords, unixMs: number): boolean {
    let held = this.#addresses.ask(address)?.services;
    while (held !== undefined && !(unixMs >= held.fromMs && unixMs < held.untilMs)) held = held.older;
    return held !== undefined;
  }

  /** Whether the address and port were those of a backend of the Service, by its EndpointSlices. */
  isBackend(address: AddressWords, port: number, service: ServiceRef, unixMs: number, transport = 0): boolean {
    const record = this.#addresses.ask(address);
    return record !== undefined && isBackendOf(record, port + transport, service, unixMs);
  }

  /** The pod on its host's network that a Service has as a backend at a node's address and port. */
  hostPodOf(record: AddressRecord, port: number, unixMs: number, transport = 0): PodEntry | undefined {
    if (record.backends === undefined) return undefined;
    const uid = backendPodAt(record, port + transport, unixMs);
    const pod = uid === undefined ? undefined : this.podByUid(uid);
    return pod?.hostNetwork === true ? pod : undefined;
  }

  /** What a Service without a selector has as a backend at an address and port: `External`, by the Service's name. */
  backendOf(record: AddressRecord, port: number, unixMs: number, transport = 0): Endpoint | undefined {
    return record.backends && externalBackendAt(record, port + transport, unixMs);
  }

  /** All that is known of an address. Allocates nothing on a hit. */
  ask(address: AddressWords): AddressRecord | undefined {
    return this.#addresses.ask(address);
  }

  podByUid(uid: string): PodEntry | undefined {
    return this.#askPod(this.#pods.get(uid), uid);
  }

  podByContainer(containerId: string): PodEntry | undefined {
    return this.#askPod(this.#containers.get(containerId), containerId);
  }

  /** The node in whose pod network an address lies, so that only a pod of that node can own it. */
  podRangeAt(address: AddressWords): NodeEntry | undefined {
    return this.#podRanges.match(address);
  }

  upsertPod(pod: SlimPod): void {
    const nowMs = this.#clock();
    const known = this.#pods.get(pod.uid);
    const revived = known !== undefined && known.deletedMs !== 0;
    const record = known ?? this.#newPod(pod, nowMs);
    this.#describePod(record, pod);
    this.peers.see(record, this.#pods.values());
    const ended = pod.phase === "Succeeded" || pod.phase === "Failed" || (pod.deleting && pod.terminated);
    const held = ended || pod.hostNetwork ? NO_ADDRESSES : pod.ips;
    // Most news leave the addresses alone. What is known stays, and what came is garbage while it is young.
    const ips = isSame(record.ips, held) ? record.ips : held;
    const claim = this.#podClaim(record, pod, nowMs, !revived);
    const release = this.#oldPodNews ? this.#oldRelease(nowMs) : { nowMs };
    // A pod may be so short-lived that its end comes with the first news of its address.
    const wasMissed = ended && !record.hadAddress && !pod.hostNetwork && this.#podsListed;
    if (wasMissed) this.#addresses.recall(pod.ips, podsOf, record, claim, release);
    else this.#addresses.change(record.ips, ips, podsOf, record, claim, release);
    record.hadAddress ||= pod.ips.length > 0;
    if (pod.ips.length === 0 && !this.#oldPodNews) record.absentMs = nowMs;
    record.ips = ips;
    if (pod.deleting && record.endingMs === 0) {
      record.endingMs = this.#oldPodNews ? this.#lastPodNewsMs : nowMs;
      this.#addresses.touchedAll(ips);
    }
    this.#heardOfPods(nowMs);
  }

  deletePod(uid: string): void {
    const record = this.#pods.get(uid);
    if (record === undefined || record.deletedMs !== 0) return;
    const nowMs = this.#clock();
    // Until when it had its address is not known: a last status would have said so. It went at some time since the last news, or,
    // deleted by force, is still ending.
    const release: Release = this.#oldPodNews
      ? this.#oldRelease(nowMs)
      : { nowMs, heldMs: Number.NEGATIVE_INFINITY, untilMs: nowMs + TAIL_MS };
    this.#addresses.change(record.ips, NO_ADDRESSES, podsOf, record, this.#claim(nowMs), release);
    record.ips = NO_ADDRESSES;
    record.deletedMs = nowMs;
    this.peers.see(record, this.#pods.values());
    this.#heardOfPods(nowMs);
  }

  upsertOwner(owner: SlimOwner): void {
    for (const [record, pod] of this.#owners.upsert(owner)) this.#nameWorkload(record, pod);
  }

  deleteOwner(uid: string): void {
    this.#owners.delete(uid);
  }

  upsertService(service: SlimService): void {
    const claim = this.#claim(this.#clock());
    this.#services.upsert(service, claim);
    this.#sweep(claim.nowMs);
  }

  deleteService(uid: string): void {
    const claim = this.#claim(this.#clock());
    this.#services.delete(uid, claim);
    this.#sweep(claim.nowMs);
  }

  upsertEndpointSlice(slice: SlimEndpointSlice): void {
    const nowMs = this.#clock();
    this.#slices.upsert(slice, nowMs);
    this.#sweep(nowMs);
  }

  deleteEndpointSlice(uid: string): void {
    const nowMs = this.#clock();
    this.#slices.delete(uid, nowMs);
    this.#sweep(nowMs);
  }

  upsertNode(node: SlimNode): void {
    const record = this.#nodes.get(node.uid) ?? this.#newNode(node);
    if (record.zone !== node.zone || record.region !== node.region) this.#placeNode(record, node);
    // Flannel's device has the first address of the node's range, which no pod is given: what is masqueraded comes from it.
    const firsts = node.podCIDRs.map((cidr) => cidr.slice(0, cidr.indexOf("/")));
    this.#moveNode(record, [...new Set([...node.addresses, ...firsts])], node.podCIDRs);
  }

  deleteNode(uid: string): void {
    const record = this.#nodes.get(uid);
    if (record === undefined) return;
    this.#moveNode(record, [], []);
    this.#nodes.delete(uid);
    if (this.#nodesByName.get(record.name) === record) this.#nodesByName.delete(record.name);
  }

  /** The node of that name, if it is known. */
  nodeNamed(name: string): NodeEntry | undefined {
    return this.#nodesByName.get(name);
  }

  stats(): DirectoryStats {
    return {
      pods: this.#pods.size,
      services: this.#services.size,
      endpointSlices: this.#slices.size,
      nodes: this.#nodes.size,
      addresses: this.#addresses.size,
      endedIntervals: this.#endedIntervals,
      pendingPods: this.#missedPods.size,
      addressMisses: this.#addresses.misses,
      shortenedGraces: this.#shortenedGraces,
      badAddresses: this.#addresses.badAddresses + this.#badNetworks,
    };
  }

  #askPod(record: PodRecord | undefined, key: string): PodRecord | undefined {
    if (record === undefined) this.#missedPods.ask(key);
    else record.askedAt = this.#version.value;
    return record;
  }

  #newPod(pod: SlimPod, nowMs: number): PodRecord {
    const { uid, namespace, name, nodeName, hostNetwork, isReady } = pod;
    const record: PodRecord = {
      uid,
      namespace,
      name,
      nodeName,
      hostNetwork,
      isReady,
      endpoint: this.#endpointOf(pod, pod),
      containers: [],
      deletedMs: 0,
      endingMs: 0,
      ips: NO_ADDRESSES,
      chosen: pod.chosen,
      service: pod.service,
      hadAddress: false,
      absentMs: Number.NEGATIVE_INFINITY,
      askedAt: 0,
      sinceMs: this.#podSince(pod, nowMs),
      ownerUid: "",
    };
    this.#pods.set(uid, record);
    this.#missedPods.learnt(uid);
    return record;
  }

  /**
   * Since when a pod that was not heard of before may have had an address.
   *
   * A pod that the watch brings was made just now, by our clock. One that a new list shows was made at any time since the last news; its
   * node's clock says when the kubelet took it on, which is before it had an address.
   */
  #podSince({ startedSeconds }: SlimPod, nowMs: number): number {
    const toleranceMs = this.#clockToleranceMs;
    const startedMs = startedSeconds * MS_PER_S;
    const sinceStartMs = startedSeconds === 0 ? Number.NEGATIVE_INFINITY : startedMs - toleranceMs;
    if (!this.#podsListed) return Math.min(nowMs, sinceStartMs);
    if (this.#oldPodNews) return Math.min(nowMs, Math.max(this.#lastPodNewsMs, sinceStartMs));
    // So old a start is news that came late, after the connection to the API server was away.
    return startedSeconds > 0 && startedMs + ROUNDED_MS + toleranceMs < nowMs ? sinceStartMs : nowMs;
  }

  #podClaim(record: PodRecord, pod: SlimPod, nowMs: number, evict: boolean): Claim {
    // Another address than before: the pod's sandbox was made anew, which its times say nothing about.
    if (record.ips.some((ip) => !pod.ips.includes(ip))) return { nowMs, sinceMs: nowMs, evict };
    const startedMs = pod.startedSeconds === 0 ? Number.NaN : pod.startedSeconds * MS_PER_S;
    const runningMs = pod.runningSeconds === 0 ? Number.NaN : pod.runningSeconds * MS_PER_S;
    const common = {
      nowMs,
      tookAfterSeconds: pod.startedSeconds,
      tookBeforeSeconds: pod.runningSeconds,
      absentMs: Math.max(record.sinceMs, record.absentMs),
      // News of a pod that was deleted may be stale, so it takes an address from nobody.
      evict,
    };
    const tolerance = this.#clockToleranceMs;
    if (this.#oldPodNews && this.#podsListed) {
      // Between the last news and its containers' start, another may have had the address of whom no news will come.
      const ranMs = runningMs + ROUNDED_MS + tolerance;
      const surelyMs = ranMs < nowMs ? Math.max(ranMs, this.#lastPodNewsMs) : nowMs;
      return { ...common, sinceMs: surelyMs, surelyMs, contestedMs: this.#lastPodNewsMs };
    }
    // A pod may have waited for its node for long. A start in the future is a clock that cannot be relied on.
    const startMs = startedMs - tolerance;
    const sinceMs = Math.max(
      record.sinceMs,
      this.#podNewsFreshMs,
      startMs < nowMs ? startMs : Number.NEGATIVE_INFINITY,
    );
    const leadMs = sinceMs > this.#podNewsFreshMs ? Math.min(NEWS_MS, sinceMs - this.#podNewsFreshMs) : 0;
    return { ...common, sinceMs, leadMs, contestedMs: Number.isFinite(sinceMs) ? sinceMs : nowMs };
  }

  /** It may have been given back at any time since the last news, and somebody may have had it since of whom no news will come. */
  #oldRelease(nowMs: number): Release {
    return { nowMs, heldMs: this.#lastPodNewsMs, untilMs: this.#lastPodNewsMs };
  }

  #heardOfPods(nowMs: number): void {
    if (!this.#oldPodNews) this.#lastPodNewsMs = nowMs;
    this.#sweep(nowMs);
  }

  /** The API server checks the names of objects, but not those of their owners: anyone who may make pods may write anything there. */
  #endpointOf(pod: PodDescription, origin: PodOrigin): Endpoint {
    const { kind, name } = workloadOf({ ...origin, name: pod.name }, (uid) => this.#owners.ownerOf(uid));
    return this.#interner.endpoint(labelName(kind), pod.namespace, labelName(name), this.#valuesOf(pod));
  }

  #nameWorkload(record: PodRecord, origin: PodOrigin): void {
    this.#setEndpoint(record, this.#endpointOf(record, origin));
  }

  #setEndpoint(record: PodRecord, endpoint: Endpoint): void {
    if (record.endpoint === endpoint) return;
    // Who asked by its address is not known, and names hardly ever change.
    if (record.askedAt === this.#version.value || record.ips.length > 0) this.#version.bump();
    record.endpoint = endpoint;
  }

  #describePod(record: PodRecord, pod: SlimPod): void {
    record.nodeName = pod.nodeName;
    record.chosen = pod.chosen;
    record.service = pod.service;
    this.#owners.adopt(record, pod);
    this.#nameWorkload(record, pod);
    record.isReady = pod.isReady;
    record.deletedMs = 0;
    if (!isSameContainers(record.containers, pod.containers)) this.#moveContainers(record, pod);
  }

  #moveContainers(record: PodRecord, pod: SlimPod): void {
    for (const { id } of record.containers) {
      if (id === "" || pod.containers.some((container) => container.id === id)) continue;
      if (this.#containers.get(id) === record) this.#containers.delete(id);
    }
    for (const { id } of pod.containers) {
      if (id === "" || this.#containers.get(id) === record) continue;
      this.#containers.set(id, record);
      this.#missedPods.learnt(id);
    }
    record.containers = pod.containers;
  }

  #newNode({ uid, name, zone, region }: SlimNode): NodeRecord {
    const endpoint = this.#nodeEndpoint(name, zone, region);
    const record: NodeRecord = { uid, name, endpoint, zone, region, addresses: [], podCIDRs: [] };
    this.#nodes.set(uid, record);
    this.#nodesByName.set(name, record);
    this.#labelPodsOf(name);
    return record;
  }

  #nodeEndpoint(name: string, zone: string, region: string): Endpoint {
    return this.#interner.endpoint("Node", "", name, this.#labels.valuesOf({ zone, region, node: name }));
  }

  /** A node's zone is set soon after it came, and hardly ever changes. */
  #placeNode(record: NodeRecord, { zone, region }: SlimNode): void {
    record.zone = zone;
    record.region = region;
    const endpoint = this.#nodeEndpoint(record.name, zone, region);
    if (endpoint === record.endpoint) return;
    record.endpoint = endpoint;
    this.#version.bump();
    this.#labelPodsOf(record.name);
  }

  #labelPodsOf(node: string): void {
    if (this.#labels.labels.length === 0) return;
    for (const record of this.#pods.values()) {
      if (record.nodeName !== node) continue;
      const { kind, workload } = record.endpoint;
      this.#setEndpoint(record, this.#interner.endpoint(kind, record.namespace, workload, this.#valuesOf(record)));
    }
  }

  #valuesOf({ name, nodeName, chosen }: PodDescription): readonly string[] {
    if (this.#labels.labels.length === 0) return NO_ADDRESSES;
    const { zone = "", region = "" } = this.#nodesByName.get(nodeName) ?? {};
    return this.#labels.valuesOf({ zone, region, node: nodeName, pod: name, chosen });
  }

  #moveNode(record: NodeRecord, addresses: readonly string[], podCIDRs: readonly string[]): void {
    const claim = this.#claim(this.#clock());
    this.#addresses.change(record.addresses, addresses, nodesOf, record, claim);
    record.addresses = addresses;
    if (record.podCIDRs.join() !== podCIDRs.join()) {
      record.podCIDRs = podCIDRs;
      this.#rebuildPodRanges();
    }
    this.#sweep(claim.nowMs);
  }

  /** A node came or went: rare, so all unowned addresses may as well be asked about anew. */
  #rebuildPodRanges(): void {
    this.#podRanges = new CidrTable<NodeRecord>();
    for (const node of this.#nodes.values()) {
      for (const cidr of node.podCIDRs) {
        try {
          this.#podRanges.set(cidr, node);
        } catch {
          this.#badNetworks += 1;
        }
      }
    }
    this.#version.bump();
  }

  #since(nowMs: number): number {
    return this.#listed ? nowMs - this.#leadMs : Number.NEGATIVE_INFINITY;
  }

  #claim(nowMs: number): Claim {
    return { nowMs, sinceMs: this.#since(nowMs), evict: true };
  }

  /**
   * Forgets what ended longer ago than the grace time; four times per grace time, or when there is too much of it. A part of it at
   * each news: all of a large cluster at once would hold the event loop for tens of milliseconds.
   */
  #sweep(nowMs: number): void {
    this.#sweeping ??= this.#beginSweep(nowMs);
    for (let step = 0; this.#sweeping !== undefined && step < SWEEP_STEPS; step += 1) {
      if (this.#sweeping.next().done === true) this.#sweeping = undefined;
    }
  }

  /** The steps of a sweep, where it is time for one. */
  #beginSweep(nowMs: number): Generator<void> | undefined {
    const crowded = this.#endedIntervals > this.#maxEnded;
    const sinceMs = nowMs - this.#sweptMs;
    if (sinceMs < this.#graceMs / (crowded ? 32 : 4)) return undefined;
    if (crowded) this.#shortenedGraces += 1;
    this.#sweptMs = nowMs;
    return this.#forget(nowMs - (crowded ? this.#graceMs / 2 : this.#graceMs));
  }

  *#forget(beforeMs: number): Generator<void> {
    for (const record of this.#pods.values()) {
      if (record.deletedMs !== 0 && record.deletedMs < beforeMs) this.#forgetPod(record);
      yield;
    }
    const ended = yield* this.#addresses.prune(beforeMs);
    this.#endedIntervals = ended + this.#services.prune(beforeMs);
  }

  #forgetPod(record: PodRecord): void {
    this.#pods.delete(record.uid);
    for (const { id } of record.containers) if (this.#containers.get(id) === record) this.#containers.delete(id);
    this.#owners.leave(record);
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, index) => text === others[index]);
}

function isSameContainers(some: SlimPod["containers"], others: SlimPod["containers"]): boolean {
  return (
    some.length === others.length &&
    some.every(({ id, name }, index) => id === others[index]?.id && name === others[index].name)
  );
}
