import { isIpv4Words, isLoopback } from "./address-text.ts";
import { AnswerVersion } from "./answer-version.ts";
import { type Cgroup, CgroupTree, type CgroupTreeStats } from "./cgroup-tree.ts";
import type { CgroupPlace } from "./container-path.ts";
import { Directory, type DirectoryStats } from "./directory.ts";
import type { AddressRecord, NodeEntry, PodEntry } from "./directory-entries.ts";
import type { AddressWords, Endpoint, Identity, LocalSocket, PodDetail, RemoteAnswer, ServiceRef } from "./endpoint.ts";
import { type EndpointLabels, NO_LABELS } from "./endpoint-labels.ts";
import { ExternalNames, type NamedNetwork } from "./external.ts";
import { HostAddresses, type HostAddressesStats } from "./host-addresses.ts";
import { HostNames } from "./host-names.ts";
import { Interner } from "./interner.ts";
import { KernelCgroups, type KernelCgroupsStats } from "./kernel-cgroups.ts";
import { labelName } from "./label-name.ts";
import { NetnsPods } from "./netns-pods.ts";
import type { NodeNewsSource } from "./node-news.ts";
import type { OwnNode } from "./own-node.ts";
import { PendingPods, type PendingPodsStats } from "./pending-pods.ts";
import { PodDetails } from "./pod-details.ts";

export interface ResolverOptions {
  /** This node's name in the cluster; without one, the host's name. */
  readonly hostName: string;
  /** Whether the directory is fed by a cluster. Without one, local sockets are named by container, unit or process. */
  readonly cluster: boolean;
  /** Milliseconds since the Unix epoch; `Date.now` by default. */
  readonly clock?: () => number;
  /** The host's procfs; `/proc` by default. */
  readonly procPath?: string;
  /** Mount point of the cgroup v2 hierarchy; found through `procPath` by default. */
  readonly cgroupPath?: string;
  /** What the kernel tells of processes and cgroups. Without it, the hierarchy is walked and `/proc` is read. */
  readonly kernel?: NodeNewsSource;
  /** The node that the agent runs on. Without it, the network namespaces of pid 1 and of the agent are the node's. */
  readonly node?: OwnNode;
  /** How long news of a new pod are awaited; 10 000 by default. */
  readonly pendingMs?: number;
  /** Names for addresses outside; the longest prefix wins, and any goes before the built-in classes. */
  readonly externalNetworks?: readonly NamedNetwork[];
  /** UID of the agent's own pod: by it, the agents of other nodes are known. */
  readonly ownPodUid?: string;
  /** Labels of endpoints besides namespace, workload and kind; none by default. */
  readonly labels?: EndpointLabels;
  /** How long what was deleted still answers for its time; 120 000 by default. */
  readonly graceMs?: number;
}

export interface ResolverStats {
  readonly directory: DirectoryStats;
  readonly cgroups: CgroupTreeStats;
  /** Absent where the kernel does not tell. */
  readonly kernelCgroups?: KernelCgroupsStats;
  readonly pendingPods: PendingPodsStats;
  readonly hostAddresses: HostAddressesStats;
  /** Answers of kind `Unknown` given for local sockets and for remote addresses. */
  readonly unresolvedLocal: number;
  readonly unresolvedRemote: number;
  /** Backends of Services, by the kernel, that no EndpointSlice of theirs had at that time. */
  readonly unlistedBackends: number;
  readonly netnsPods: number;
  readonly interned: number;
  readonly hostNames: number;
  /** Times that a name of this host became `(other)` because there are too many. */
  readonly hostNameRefusals: number;
  readonly version: number;
}

/** How long news of a new pod are awaited, where nothing else is said. */
const PENDING_MS = 10_000;

/**
 * Answers who is at both ends of a connection, from the cluster's directory and from this host.
 *
 * A local socket is identified by its cgroup, else by its network namespace, else by its own address. A remote address is first a Service's,
 * then a pod's of that moment, then a node's, then something outside. What nobody can vouch for is `Unknown`.
 */
export class Resolver implements Identity {
  /** Feed it with the watch's objects, and tell it when the first list is complete. */
  readonly directory: Directory;
  readonly #cluster: boolean;
  readonly #hostName: string;
  readonly #clock: () => number;
  readonly #version = new AnswerVersion();
  readonly #interner = new Interner();
  readonly #cgroups: CgroupTree;
  readonly #kernelCgroups: KernelCgroups | undefined;
  readonly #pendingPods: PendingPods;
  readonly #hostAddresses: HostAddresses;
  readonly #netnsPods: NetnsPods;
  readonly #hostNames: HostNames;
  readonly #external: ExternalNames;
  readonly #podDetails = new PodDetails();
  readonly #host: Endpoint;
  /** A pod that the API server has not told of, on this node and on one with another agent. */
  readonly #soonHere: RemoteAnswer;
  readonly #soonPeer: RemoteAnswer;
  readonly unknown: Endpoint;
  readonly pending: Endpoint;
  #unresolvedLocal = 0;
  #unresolvedRemote = 0;
  #unlistedBackends = 0;

  constructor(options: ResolverOptions) {
    const clock = options.clock ?? Date.now;
    const procPath = options.procPath ?? "/proc";
    const version = this.#version;
    const interner = this.#interner;
    this.#cluster = options.cluster;
    this.#hostName = options.hostName;
    this.#clock = clock;
    this.directory = new Directory({
      clock,
      version,
      interner,
      ...(options.ownPodUid === undefined ? {} : { ownPodUid: options.ownPodUid }),
      labels: options.labels ?? NO_LABELS,
      ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
    });
    this.#cgroups = new CgroupTree({
      procPath,
      clock,
      version,
      // The kernel tells of what is made; one walk finds what is older than the agent and has no process yet.
      ...(options.kernel && { refreshIntervalMs: 0 }),
      ...(options.cgroupPath === undefined ? {} : { cgroupPath: options.cgroupPath }),
    });
    this.#kernelCgroups =
      options.kernel &&
      new KernelCgroups({ source: options.kernel, rootPath: options.node?.bounds?.path ?? "/", clock, version });
    this.#pendingPods = new PendingPods({
      clock,
      version,
      waitMs: options.pendingMs ?? PENDING_MS,
    });
    this.#hostAddresses = new HostAddresses({
      procPath,
      clock,
      version,
      ...(options.node?.hostNetns && { hostNetns: options.node.hostNetns }),
    });
    this.#netnsPods = new NetnsPods(version, this.#hostAddresses.hostNetns);
    this.#hostNames = new HostNames(interner);
    this.#external = new ExternalNames(options.externalNetworks ?? [], interner, options.labels ?? NO_LABELS);
    this.#host = interner.endpoint("Node", "", labelName(options.hostName));
    this.unknown = interner.endpoint("Unknown", "", "unknown");
    this.pending = { ...this.unknown };
    const { pendingMs: unsettledMs = PENDING_MS } = options;
    const soon = { endpoint: this.unknown, service: undefined, maybeHere: true, unsettledMs } as const;
    this.#soonHere = { ...soon, counted: "here" };
    this.#soonPeer = { ...soon, counted: "there" };
  }

  get version(): number {
    this.directory.settle();
    return this.#version.value;
  }

  /** Resolves once this host's cgroups and addresses were read; does not wait for the cluster. */
  async start(): Promise<void> {
    await Promise.all([this.#kernelCgroups?.start(), this.#cgroups.start(), this.#hostAddresses.start()]);
  }

  /** Idempotent. */
  async shutdown(): Promise<void> {
    this.#cgroups.shutdown();
    this.#hostAddresses.shutdown();
    this.#pendingPods.shutdown();
    await this.#kernelCgroups?.shutdown();
  }

  local(socket: LocalSocket): Endpoint {
    this.#hostAddresses.learn(socket);
    const cgroup = this.#kernelCgroups?.lookup(socket.cgroupId) ?? this.#cgroups.lookup(socket.cgroupId, socket.pid);
    const place = this.#place(cgroup, socket.pid);
    const endpoint = this.#cluster
      ? this.#localInCluster(socket, cgroup, place)
      : this.#hostNames.endpoint(place, socket.comm);
    if (endpoint === this.unknown) this.#unresolvedLocal += 1;
    return endpoint;
  }

  /** A `port` of 0 asks about the address alone, as a client's own port says nothing about Services. */
  remote(address: AddressWords, port: number, netns: number, unixMs: number): RemoteAnswer {
    const answer = this.#remote(address, port, netns, unixMs);
    if (answer.endpoint === this.unknown) this.#unresolvedRemote += 1;
    return answer;
  }

  /** The EndpointSlices check the translation: one that they do not have is taken all the same, for the kernel made it, and counted. */
  backend(address: AddressWords, port: number, service: ServiceRef | undefined, unixMs: number): RemoteAnswer {
    if (service !== undefined && !this.directory.isBackend(address, port, service, unixMs)) this.#unlistedBackends += 1;
    const hereNetns = this.#hostAddresses.netnsOf(address);
    const answer = this.#endpointAt(this.directory.ask(address), address, port, hereNetns, unixMs);
    if (answer.endpoint === this.unknown) this.#unresolvedRemote += 1;
    return answer;
  }

  stats(): ResolverStats {
    return {
      directory: this.directory.stats(),
      cgroups: this.#cgroups.stats(),
      ...(this.#kernelCgroups && { kernelCgroups: this.#kernelCgroups.stats() }),
      pendingPods: this.#pendingPods.stats(),
      hostAddresses: this.#hostAddresses.stats(),
      unresolvedLocal: this.#unresolvedLocal,
      unresolvedRemote: this.#unresolvedRemote,
      unlistedBackends: this.#unlistedBackends,
      netnsPods: this.#netnsPods.size,
      interned: this.#interner.size,
      hostNames: this.#hostNames.size,
      hostNameRefusals: this.#hostNames.refusals,
      version: this.version,
    };
  }

  /** Processes at the root of the v2 hierarchy may be in a container by the v1 ones. */
  #place(cgroup: Cgroup | undefined, pid: number): CgroupPlace | undefined {
    if (cgroup !== undefined && cgroup.path !== "/") return cgroup.place;
    return this.#cgroups.v1Place(pid) ?? cgroup?.place;
  }

  podOf(socket: LocalSocket): PodDetail | undefined {
    const place = this.#place(this.#cgroups.lookup(socket.cgroupId, socket.pid), socket.pid);
    const pod = this.#cluster ? this.#podOf(place, socket) : undefined;
    return pod && this.#podDetails.of(pod, place?.containerId ?? "");
  }

  #localInCluster(socket: LocalSocket, cgroup: Cgroup | undefined, place: CgroupPlace | undefined): Endpoint {
    const pod = this.#podOf(place, socket);
    if (pod !== undefined) {
      this.#netnsPods.learn(socket.netns, pod);
      if (place?.podUid !== undefined) this.#pendingPods.settle(place.podUid);
      return pod.endpoint;
    }
    // A pod that the API server has not told of, or a cgroup that we cannot see: time may tell, a guess would not.
    if (place?.podUid !== undefined) return this.#pendingPods.awaits(place.podUid) ? this.pending : this.unknown;
    if (cgroup === undefined && place === undefined) return this.unknown;
    return this.#nodeOfNetns(socket.netns);
  }

  #podOf(place: CgroupPlace | undefined, socket: LocalSocket): PodEntry | undefined {
    // Who is in a pod's cgroup is of no other pod, whoever had the address and the namespace's number before.
    return this.#podOfPlace(place) ?? (place?.podUid === undefined ? this.#podOfNetns(socket) : undefined);
  }

  #podOfPlace(place: CgroupPlace | undefined): PodEntry | undefined {
    if (place === undefined) return undefined;
    const { podUid, containerId } = place;
    // A static pod's directory has another UID than its mirror in the API, so its containers tell.
    return (
      (podUid === undefined ? undefined : this.directory.podByUid(podUid)) ??
      (containerId === undefined ? undefined : this.directory.podByContainer(containerId))
    );
  }

  #podOfNetns(socket: LocalSocket): PodEntry | undefined {
    // In the host's namespace a pod's address is that of a transparent proxy at best.
    if (this.#hostAddresses.hostNetns.has(socket.netns)) return undefined;
    const pod = this.#netnsPods.podOf(socket.netns);
    if (pod !== undefined || isLoopback(socket.address)) return pod;
    return this.directory.podAt(socket.address, this.#clock());
  }

  /** The node whose namespace it is: this one, except where several nodes share a kernel. */
  #nodeOfNetns(netns: number): Endpoint {
    const addresses = this.#hostAddresses.addressesOf(netns);
    for (let index = 0; index < addresses.length; index += 1) {
      const address = addresses[index];
      const node = address && this.directory.nodeAt(address, this.#clock());
      if (node !== undefined) return node.endpoint;
    }
    return this.#hostEndpoint;
  }

  #remote(address: AddressWords, port: number, netns: number, unixMs: number): RemoteAnswer {
    if (isLoopback(address)) return this.#loopback(address, port, netns, unixMs);
    const record = this.directory.ask(address);
    if (record !== undefined && port !== 0) {
      const service = this.directory.serviceOf(record, port, unixMs);
      if (service !== undefined) return service.answer;
    }
    const hereNetns = this.#hostAddresses.netnsOf(address);
    if (record?.pods?.at(unixMs) === undefined && port !== 0 && this.#hostAddresses.hostNetns.has(hereNetns)) {
      // All of a node's addresses have its node ports, and the API server knows only some of them.
      const service = this.directory.nodePortAt(port, unixMs);
      if (service !== undefined) return service.answer;
    }
    return this.#endpointAt(record, address, port, hereNetns, unixMs);
  }

  /** Who is at an address, whatever Service it may be of. */
  #endpointAt(
    record: AddressRecord | undefined,
    address: AddressWords,
    port: number,
    hereNetns: number,
    unixMs: number,
  ): RemoteAnswer {
    const { directory } = this;
    if (record !== undefined) {
      const pod = record.pods?.at(unixMs);
      if (pod !== undefined) return this.#podAnswer(pod, hereNetns !== 0, unixMs);
      const node = record.nodes?.at(unixMs);
      if (node !== undefined) {
        const hostPod = port === 0 ? undefined : directory.hostPodOf(record, port, unixMs);
        const answers = this.#interner.answers(hostPod?.endpoint ?? node.endpoint);
        if (this.#hasPeer(node.name)) return answers.peerNode;
        return hereNetns !== 0 || node.name === this.#hostName ? answers.here : answers.away;
      }
    }
    if (hereNetns !== 0) return this.#answer(this.#ownerOfNetns(hereNetns), true);
    const range = directory.podRangeAt(address);
    if (range !== undefined || record?.pods !== undefined) return this.#unnamedPod(range, record?.pods, unixMs);
    if (record === undefined) return this.#external.answer(address);
    const backend = port === 0 ? undefined : directory.backendOf(record, port, unixMs);
    if (backend === undefined && directory.isServiceAddress(address, unixMs)) return this.#answer(this.unknown, false);
    return this.#external.answer(address, backend);
  }

  #podAnswer(pod: PodEntry, hasNetns: boolean, unixMs: number): RemoteAnswer {
    const answers = this.#interner.answers(pod.endpoint);
    const isPeer = this.#hasPeer(pod.nodeName);
    // Its address may be another's by now, of whom no news came yet.
    if (pod.endingMs !== 0 && unixMs >= pod.endingMs) return isPeer ? answers.endingPeer : answers.endingHere;
    if (isPeer) return answers.peer;
    return hasNetns || pod.nodeName === this.#hostName ? answers.here : answers.away;
  }

  /** A pod of whom the API server has not told, or of whom it cannot be said which of two it was. */
  #unnamedPod(range: NodeEntry | undefined, pods: AddressRecord["pods"], unixMs: number): RemoteAnswer {
    const isPeer = range !== undefined && this.#hasPeer(range.name);
    if (pods === undefined || pods.isFreeAt(unixMs)) return isPeer ? this.#soonPeer : this.#soonHere;
    const answers = this.#interner.answers(this.unknown);
    return isPeer ? answers.peer : answers.here;
  }

  /** Whether a node of the cluster has the address now. */
  isNode(address: AddressWords): boolean {
    return this.directory.nodeAt(address, this.#clock()) !== undefined;
  }

  /** The address of the agent on another node that has an address now; undefined where it is no node's with an agent. */
  agentAt(address: AddressWords): string | undefined {
    const node = this.directory.nodeAt(address, this.#clock());
    return node !== undefined && this.#hasPeer(node.name) ? node.addresses[0] : undefined;
  }

  /** Whether it is another node, whose agent counts what its sockets do. */
  #hasPeer(nodeName: string): boolean {
    return nodeName !== this.#hostName && this.directory.peers.isOn(nodeName);
  }

  /** kube-proxy answers to node ports on IPv4 loopback, where it is told to. */
  #loopback(address: AddressWords, port: number, netns: number, unixMs: number): RemoteAnswer {
    const pod = this.#netnsPods.podOf(netns);
    if (pod === undefined && port !== 0 && isIpv4Words(address) && this.#hostAddresses.hostNetns.has(netns)) {
      const service = this.directory.nodePortAt(port, unixMs);
      if (service !== undefined) return service.answer;
    }
    return this.#answer(pod?.endpoint ?? this.#nodeOfNetns(netns), true);
  }

  /** Whose namespace on this host it is that has an address which neither a pod nor a node is known to have. */
  #ownerOfNetns(netns: number): Endpoint {
    if (!this.#cluster || this.#hostAddresses.hostNetns.has(netns)) return this.#nodeOfNetns(netns);
    const pod = this.#netnsPods.podOf(netns);
    if (pod !== undefined) return pod.endpoint;
    const node = this.#nodeOfNetns(netns);
    return node === this.#hostEndpoint ? this.unknown : node;
  }

  /** This node, with its zone once that is known. */
  get #hostEndpoint(): Endpoint {
    return this.directory.nodeNamed(this.#hostName)?.endpoint ?? this.#host;
  }

  #answer(endpoint: Endpoint, here: boolean): RemoteAnswer {
    const answers = this.#interner.answers(endpoint);
    return here ? answers.here : answers.away;
  }
}
