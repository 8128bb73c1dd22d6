import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { netnsPath, serviceAddress } from "./addressing.ts";
import { CgroupTree } from "./cgroup-tree.ts";
import { Guard } from "./guard.ts";
import { LabNode } from "./lab-node.ts";
import { removeLeftovers } from "./leftovers.ts";
import { buildNetwork, connectHost } from "./network.ts";
import { MemoryStore, type ObjectStore, objectKey } from "./object-store.ts";
import { peerBinary } from "./peer-binary.ts";
import { Place } from "./place.ts";
import { Pod } from "./pod.ts";
import { LAB_DIRECTORY } from "./prefix.ts";
import { Service, type ServiceSpec } from "./service.ts";
import type { ProxyMode } from "./service-route.ts";
import { containerSpecs, ownedBy, planOwners, type Workload, type WorkloadSpec, workloadLabels } from "./workload.ts";

export interface LabOptions {
  /** Rules that stand for Services. Default `nftables`. */
  readonly proxy?: ProxyMode;
  /** Default 2. */
  readonly nodes?: number;
  /** Where objects go, such as a `KubernetesClient`. Default: nowhere, see `objects()`. */
  readonly store?: ObjectStore;
  /** Gives this host itself the address `HOST` on the lab's LAN, for its API server and to read what agents on nodes serve. */
  readonly connectHost?: boolean;
  /** How long to wait while another lab is up on this host. Default 10 minutes. */
  readonly waitMs?: number;
}

/**
 * Two nodes of a cluster with their pods and Services, in network namespaces of this host. One at a time.
 *
 *   outside ──┬── n1 ── cni0 ── pods 10.245.1.0/24, fd00:10:245:1::/64
 *      LAN    │    └─ flannel.1, flannel-v6.1 (VXLAN to the other nodes)
 *   router ───┴── n2 ── cni0 ── pods 10.245.2.0/24, fd00:10:245:2::/64
 *
 * Each is a network namespace with the prefix `weir-lab-`; the host's own has nothing of it, unless it asks for an address. A pod's cgroups are
 * `weir-lab/NODE/kubepods/burstable/podUID/CONTAINER-ID` in the v2 hierarchy, wherever that is mounted.
 */
export class Lab {
  readonly nodes: readonly LabNode[];
  /** A host of the nodes' LAN that is not part of the cluster. */
  readonly outside: Place;
  /** Path of the compiled `peer.c`. */
  readonly peer: string;
  readonly #guard: Guard;
  readonly #tree: CgroupTree;
  readonly #store: ObjectStore;
  readonly #proxy: ProxyMode;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #pods = new Set<Pod>();
  readonly #services: Service[] = [];
  #down: Promise<void> | undefined;

  private constructor(
    guard: Guard,
    tree: CgroupTree,
    nodes: LabNode[],
    outside: Place,
    peer: string,
    options: LabOptions,
  ) {
    this.#guard = guard;
    this.#tree = tree;
    this.nodes = nodes;
    this.outside = outside;
    this.peer = peer;
    this.#store = options.store ?? new MemoryStore();
    this.#proxy = options.proxy ?? "nftables";
  }

  /**
   * Removes what an earlier lab may have left and builds the nodes. Waits while another lab is up on this host. Whatever happens to
   * this process, SIGKILL included, everything is torn down after it.
   */
  static async up(options: LabOptions = {}): Promise<Lab> {
    const guard = await Guard.take(options.waitMs ?? 600_000);
    try {
      await removeLeftovers();
      await mkdir(LAB_DIRECTORY, { recursive: true });
      const peer = await peerBinary();
      const tree = await CgroupTree.find();
      const indexes = Array.from({ length: options.nodes ?? 2 }, (_, i) => i + 1);
      await buildNetwork(indexes.length);
      if (options.connectHost) await connectHost();
      const nodes = await Promise.all(indexes.map((index) => LabNode.create(index, tree)));
      const outside = new Place(netnsPath("out"), await tree.make("outside"));
      const lab = new Lab(guard, tree, nodes, outside, peer, options);
      await lab.#register(nodes);
      return lab;
    } catch (error) {
      await removeLeftovers();
      await guard.release();
      throw error;
    }
  }

  /** Kills and removes everything. The API server's objects stay: they are the store's. Idempotent. */
  down(): Promise<void> {
    this.#down ??= this.#tearDown();
    return this.#down;
  }

  async #tearDown(): Promise<void> {
    try {
      await removeLeftovers();
    } finally {
      await this.#guard.release();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  /** The node called `n1`, `n2`, … */
  node(name: string): LabNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found) return found;
    throw new Error(`Cannot find node "${name}": the lab has ${this.nodes.map((node) => node.name).join(", ")}`);
  }

  /** Writes a program's configuration file and returns its path; it goes with the lab. */
  async file(name: string, content: string): Promise<string> {
    const path = join(LAB_DIRECTORY, name);
    await writeFile(path, content);
    return path;
  }

  get pods(): readonly Pod[] {
    return [...this.#pods];
  }

  /** Brings up a workload's pods, with the objects of its controllers. */
  async workload(spec: WorkloadSpec, options: { readonly host?: number } = {}): Promise<Workload> {
    const namespace = spec.namespace ?? "default";
    const plan = planOwners(spec);
    await this.#namespace(namespace);
    let owner: KubernetesObject | undefined;
    for (const object of plan.chain) [owner] = await this.#apply([ownedBy(object, owner)]);
    const pods: Pod[] = [];
    for (const [index, nodeName] of spec.nodes.entries()) {
      const metadata = { name: plan.podName(index), namespace, labels: { ...workloadLabels(spec), ...plan.podLabels } };
      const object = ownedBy({ apiVersion: "v1", kind: "Pod", metadata, spec: podSpec(spec, nodeName) }, owner);
      pods.push(await this.#startPod(object, spec, nodeName, options.host));
    }
    await this.#programServices();
    const [pod] = pods;
    if (!pod) throw new Error(`Cannot bring up ${spec.kind} "${spec.name}": needed is at least one node`);
    return { kind: spec.kind, namespace, name: spec.name, pods, pod };
  }

  /** Brings up one pod without an owner. `host` asks for that address of the node, to use one again. */
  async pod(
    spec: Omit<WorkloadSpec, "kind" | "nodes"> & { readonly node: string; readonly host?: number },
  ): Promise<Pod> {
    const { node, host, ...rest } = spec;
    return (await this.workload({ ...rest, kind: "Pod", nodes: [node] }, host === undefined ? {} : { host })).pod;
  }

  /** Brings up a Service; its rules follow the pods that it selects. */
  async service(spec: ServiceSpec): Promise<Service> {
    const service = new Service(spec, spec.headless ? undefined : serviceAddress(this.#services.length + 1));
    await this.#namespace(service.namespace);
    this.#services.push(service);
    await this.#programServices();
    return service;
  }

  /** Kills a pod's processes, gives its addresses back, and deletes the object. */
  async deletePod(pod: Pod): Promise<void> {
    await this.finishPod(pod, "Succeeded", false);
    this.#objects.delete(objectKey(pod.object()));
    await this.#store.delete(pod.object());
  }

  /** Ends a pod as a job's end: its object stays, with its phase. */
  async finishPod(pod: Pod, phase: "Succeeded" | "Failed", report = true): Promise<void> {
    await pod.finish(phase);
    this.#pods.delete(pod);
    await this.#programServices();
    if (report) await this.#apply([pod.object()]);
  }

  /** All objects of the lab as a cluster's API server would list them. */
  objects(): KubernetesObject[] {
    return [...this.#objects.values()];
  }

  async #startPod(
    object: KubernetesObject,
    spec: WorkloadSpec,
    nodeName: string,
    host: number | undefined,
  ): Promise<Pod> {
    const [stored] = await this.#store.apply([object]);
    const pod = await Pod.create(stored as KubernetesObject, {
      object,
      node: this.node(nodeName),
      containers: containerSpecs(spec).map((container) => container.name),
      hostNetwork: spec.hostNetwork ?? false,
      host,
      tree: this.#tree,
      pause: this.peer,
    });
    this.#pods.add(pod);
    await this.#apply([pod.object()]);
    return pod;
  }

  async #register(nodes: readonly LabNode[]): Promise<void> {
    for (const object of nodes.map((node) => node.object())) {
      const { status, ...rest } = object;
      const [stored] = await this.#apply([rest as KubernetesObject]);
      await this.#store.patchStatus(object, status as object);
      this.#objects.set(objectKey(object), { ...(stored as KubernetesObject), status });
    }
  }

  async #namespace(name: string): Promise<void> {
    const namespace: KubernetesObject = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    if (!this.#objects.has(objectKey(namespace))) await this.#apply([namespace]);
  }

  async #programServices(): Promise<void> {
    if (this.#services.length === 0) return;
    const selected = this.#services.map((service) => ({
      service,
      pods: this.pods.filter((pod) => service.selects(pod)),
    }));
    const routes = selected.flatMap(({ service, pods }) => service.routes(pods));
    await Promise.all(this.nodes.map((node) => node.program(routes, this.#proxy)));
    const objects = selected.flatMap(({ service, pods }) => service.objects(pods));
    const changed = objects.filter((object) => !sameContent(this.#objects.get(objectKey(object)), object));
    await this.#apply(changed);
  }

  /** Stores objects and remembers them with their UIDs. */
  async #apply(objects: readonly KubernetesObject[]): Promise<KubernetesObject[]> {
    const stored = await this.#store.apply(objects.map(withoutUid));
    return objects.map((object, index) => {
      const uid = stored[index]?.metadata.uid;
      const known = { ...object, metadata: { ...object.metadata, ...(uid === undefined ? {} : { uid }) } };
      this.#objects.set(objectKey(object), known);
      return known;
    });
  }
}

function podSpec(spec: WorkloadSpec, nodeName: string): object {
  const containers = containerSpecs(spec).map((container) => ({
    ...container,
    resources: { requests: { cpu: "1m" } },
  }));
  return { nodeName, containers, restartPolicy: "Always", ...(spec.hostNetwork ? { hostNetwork: true } : {}) };
}

/** The server gives UIDs; to name one is to ask for exactly that object. */
function withoutUid(object: KubernetesObject): KubernetesObject {
  const { uid: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function sameContent(known: KubernetesObject | undefined, object: KubernetesObject): boolean {
  return known !== undefined && JSON.stringify(withoutUid(known)) === JSON.stringify(withoutUid(object));
}
