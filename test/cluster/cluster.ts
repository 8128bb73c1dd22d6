import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CgroupTree } from "../lab/cgroup-tree.ts";
import { Guard, type Guarded } from "../lab/guard.ts";
import { Place } from "../lab/place.ts";
import { Program } from "../lab/program.ts";
import type { ApiServer } from "../rig/api-server.ts";
import type { KubernetesClient, KubernetesObject } from "../rig/kubernetes-client.ts";
import { toolPath } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { CLUSTER_DIRECTORY, CLUSTER_LOCK, CLUSTER_PREFIX, netnsPath, POD_CIDR } from "./addressing.ts";
import { type CgroupView, ClusterNode } from "./cluster-node.ts";
import { containerRuntime } from "./container-runtime.ts";
import { ControlPlane } from "./control-plane.ts";
import { dnsObjects } from "./dns.ts";
import { keepHostSettings } from "./host-settings.ts";
import { type Image, type Images, makeImages } from "./images.ts";
import { removeLeftovers } from "./leftovers.ts";
import { MachineNode, machineParts } from "./machine-node.ts";
import { MACHINE_SHELL, MachineShell, machineShellObjects } from "./machine-shell.ts";
import { addRoute, buildNetwork } from "./network.ts";
import type { ProxyMode } from "./node-files.ts";
import { makeMountPoints } from "./node-mounts.ts";
import { EMULATED, type Pace, USUAL } from "./pace.ts";
import { PodPlace } from "./pod-place.ts";

export interface ClusterOptions {
  /** Those that are namespaces of this host. Default 3. */
  readonly nodes?: number;
  /** Whether there is one more node, the last, that is a virtual machine. Needs `routes`. Default false. */
  readonly machine?: boolean;
  /**
   * `routes`: each node knows the others' pods by a route, nothing is masqueraded. `flannel`: VXLAN, and pods reach what is outside
   * from their node's address. Default `routes`.
   */
  readonly network?: "routes" | "flannel";
  /** Default `iptables`. */
  readonly proxy?: Exclude<ProxyMode, "ipvs">;
  /** Default `namespace`. */
  readonly cgroups?: CgroupView;
  /** Images that nodes have besides those of `Images`. */
  readonly images?: readonly Image[];
  /** Where logs of its programs go; what is there is removed. */
  readonly logs: string;
  /** How long to wait while another cluster is up on this host. Default 20 minutes. */
  readonly waitMs?: number;
}

const GUARDED: Guarded = { name: "cluster", lock: CLUSTER_LOCK, down: join(import.meta.dirname, "down.ts") };

/** A workload whose controller has brought up what it should. */
interface WorkloadState {
  readonly metadata: { readonly name: string; readonly generation?: number };
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberReady?: number;
  };
}

/**
 * A real Kubernetes on this host: API server, controller manager, scheduler, nodes with kubelet, containerd and kube-proxy, CoreDNS.
 * One at a time. Whatever happens to this process, SIGKILL included, everything is torn down after it.
 */
export class Cluster {
  readonly nodes: readonly (ClusterNode | MachineNode)[];
  /** As `system:masters`. */
  readonly client: KubernetesClient;
  /** A host of the nodes' LAN that is not part of the cluster. */
  readonly outside: Place;
  readonly images: Images;
  readonly pace: Pace;
  readonly #guard: Guard;
  readonly #control: ControlPlane;
  readonly #kubectl: string;
  readonly #machine: MachineNode | undefined;
  #down: Promise<void> | undefined;

  /** Returns when all nodes are ready, and DNS. Waits while another cluster is up on this host. */
  static async up(options: ClusterOptions): Promise<Cluster> {
    if (options.machine === true && options.network === "flannel") {
      throw new Error(
        "Cannot bring up a cluster with a machine: the network must be routes, its current value is flannel",
      );
    }
    // What takes minutes the first time comes before the lock.
    const images = await makeImages();
    const runtime = await containerRuntime();
    const kubectl = await toolPath("kubernetes", "kubectl");
    const parts = options.machine === true ? await machineParts(runtime) : undefined;
    const guard = await Guard.take(options.waitMs ?? 1_200_000, GUARDED);
    let control: ControlPlane | undefined;
    try {
      await removeLeftovers();
      await rm(options.logs, { recursive: true, force: true });
      for (const directory of [CLUSTER_DIRECTORY, options.logs]) await mkdir(directory, { recursive: true });
      await keepHostSettings();
      await makeMountPoints();
      const indexes = Array.from({ length: options.nodes ?? 3 }, (_, index) => index + 1);
      await buildNetwork(indexes.length);
      const started = await ControlPlane.start(options.logs);
      control = started;
      const { api } = started;
      const machineIndex = indexes.length + 1;
      // A machine is told where the others' pods are when it is switched on.
      if (parts !== undefined) await declareNodes(api, [...indexes, machineIndex]);
      const common = { api, runtime, pauseImage: images.peer.name, logs: options.logs };
      // It takes longest.
      const machine =
        parts &&
        (await MachineNode.create({
          ...common,
          index: machineIndex,
          parts,
          images: [images.peer, ...(options.images ?? [])],
          podCidrs: await podCidrsOf(api, machineIndex),
        }));
      const nodes = await Promise.all(
        indexes.map((index) =>
          ClusterNode.create({
            ...common,
            index,
            images: [images.peer, images.coredns, ...(options.images ?? [])],
            proxy: options.proxy ?? "iptables",
            cgroups: options.cgroups ?? "namespace",
          }),
        ),
      );
      for (const node of nodes) await node.join();
      const podCidrs = await podCidrsOf(api, parts === undefined ? indexes.length : machineIndex);
      if (options.network === "flannel") await connectByFlannel(nodes, api, podCidrs);
      else await connectByRoutes(nodes, machine, podCidrs);
      const tree = await CgroupTree.find(CLUSTER_PREFIX);
      const outside = new Place(netnsPath("outside"), await tree.make("outside"));
      const cluster = new Cluster(guard, started, nodes, machine, outside, images, kubectl);
      await cluster.#ready();
      return cluster;
    } catch (error) {
      await control?.stop();
      await removeLeftovers().catch((cause: unknown) => console.error(cause));
      await guard.release();
      throw error;
    }
  }

  private constructor(
    guard: Guard,
    control: ControlPlane,
    nodes: readonly ClusterNode[],
    machine: MachineNode | undefined,
    outside: Place,
    images: Images,
    kubectl: string,
  ) {
    this.#guard = guard;
    this.#control = control;
    this.nodes = machine === undefined ? nodes : [...nodes, machine];
    this.#machine = machine;
    this.pace = machine === undefined ? USUAL : EMULATED;
    this.client = control.api.admin;
    this.outside = outside;
    this.images = images;
    this.#kubectl = kubectl;
  }

  node(name: string): ClusterNode | MachineNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined)
      throw new Error(`Cannot find node "${name}": there are ${this.nodes.map((n) => n.name).join(", ")}`);
    return node;
  }

  /** Creates or updates objects, and waits until every Deployment, StatefulSet and DaemonSet of their namespaces is ready. */
  async apply(objects: readonly KubernetesObject[], deadlineMs = this.pace.readyMs): Promise<void> {
    await this.client.apply(objects);
    const namespaces = new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []));
    for (const namespace of namespaces) await this.settled(namespace, deadlineMs);
  }

  /** `kubectl apply -k`, and waits until every workload of `namespace` is ready. */
  async applyKustomization(directory: string, namespace: string, deadlineMs = this.pace.readyMs): Promise<void> {
    await this.kubectl(["apply", "-k", directory]);
    await this.settled(namespace, deadlineMs);
  }

  /** Waits until every Deployment, StatefulSet and DaemonSet of a namespace has all its pods ready. */
  async settled(namespace: string, deadlineMs = this.pace.readyMs): Promise<void> {
    const look = async () => {
      for (const kind of ["Deployment", "StatefulSet", "DaemonSet"]) {
        for (const workload of await this.client.list("apps/v1", kind, namespace)) requireReady(kind, workload);
      }
      return true;
    };
    const wait = { what: `the workloads of namespace ${namespace}`, deadlineMs, intervalMs: 250 };
    await waitUntil(look, wait).catch(async (error: Error) => {
      const state = await this.kubectl(["--namespace", namespace, "get", "pods,events"]).catch(String);
      throw new Error(`${error.message}\n${state}`, { cause: error });
    });
  }

  /** A running pod, by its label `app` and its node, or the only one of that label. */
  async pod(namespace: string, app: string, node?: string): Promise<PodPlace> {
    const pods = (await this.client.list("v1", "Pod", namespace)) as unknown as PodObject[];
    const [found, ...others] = pods.filter(
      ({ metadata, spec, status }) =>
        metadata.labels?.["app"] === app &&
        status?.phase === "Running" &&
        metadata["deletionTimestamp"] === undefined &&
        (node === undefined || spec.nodeName === node),
    );
    if (found === undefined || others.length > 0) {
      const where = node === undefined ? "" : ` on ${node}`;
      throw new Error(
        `Cannot take the pod ${namespace}/${app}${where}: needed is one, there are ${found ? others.length + 1 : 0}`,
      );
    }
    const kubectl = [this.#kubectl, "--kubeconfig", this.#control.api.adminKubeconfig];
    return new PodPlace(kubectl, { namespace, name: found.metadata.name, address: found.status?.podIP ?? "" });
  }

  /** Runs kubectl as administrator; gives what it printed. */
  kubectl(args: readonly string[]): Promise<string> {
    return Program.mustRun([this.#kubectl, "--kubeconfig", this.#control.api.adminKubeconfig, ...args]);
  }

  /** What a pod's container has written. */
  logs(namespace: string, pod: string): Promise<string> {
    return this.kubectl(["--namespace", namespace, "logs", pod]);
  }

  /** Ends everything and removes it from the host. Idempotent. */
  down(): Promise<void> {
    this.#down ??= this.#tearDown();
    return this.#down;
  }

  async #tearDown(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    await this.#control.stop();
    await removeLeftovers();
    await this.#guard.release();
  }

  async #ready(): Promise<void> {
    const look = async () => {
      const nodes = (await this.client.list("v1", "Node")) as unknown as NodeObject[];
      return nodes.every(({ status }) =>
        status.conditions.some(({ type, status: is }) => type === "Ready" && is === "True"),
      );
    };
    const wait = { what: "all nodes to be ready", deadlineMs: this.pace.readyMs, intervalMs: 100 };
    await (this.#machine === undefined ? waitUntil(look, wait) : this.#machine.waitUntil(look, wait));
    await this.apply(dnsObjects(this.images.coredns.name));
    if (this.#machine === undefined) return;
    await this.apply(machineShellObjects(this.#machine.name, this.images.peer.name));
    const { namespace, name } = MACHINE_SHELL;
    this.#machine.useShell(new MachineShell(await this.pod(namespace, name)));
  }
}

interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Record<string, string>;
    readonly [field: string]: unknown;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly podCIDR?: string };
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

/** Makes the objects of nodes before the nodes are there to do it. */
async function declareNodes(api: ApiServer, indexes: readonly number[]): Promise<void> {
  for (const index of indexes)
    await api.admin.create({ apiVersion: "v1", kind: "Node", metadata: { name: `n${index}` } });
}

/** The addresses of each node's pods, by its name, once there are so many nodes. */
async function podCidrsOf(api: ApiServer, nodes: number): Promise<ReadonlyMap<string, string>> {
  const look = async () => {
    const objects = (await api.admin.list("v1", "Node")) as unknown as NodeObject[];
    const found = objects.flatMap(({ metadata, spec }) =>
      spec.podCIDR ? [[metadata.name, spec.podCIDR] as const] : [],
    );
    return found.length === nodes && new Map(found);
  };
  return await waitUntil(look, { what: "the nodes to be registered", deadlineMs: 30_000, intervalMs: 100 });
}

/** Pods of one node reach those of another through a VXLAN. */
async function connectByFlannel(
  nodes: readonly ClusterNode[],
  api: ApiServer,
  podCidrs: ReadonlyMap<string, string>,
): Promise<void> {
  const netConf = join(CLUSTER_DIRECTORY, "net-conf.json");
  await writeFile(netConf, JSON.stringify({ Network: POD_CIDR, Backend: { Type: "vxlan" } }));
  const connect = async (node: ClusterNode) =>
    node.connect(podCidrs.get(node.name) as string, await node.startFlannel(api.adminKubeconfig, netConf));
  await Promise.all(nodes.map(connect));
}

/** Every node, this host and the one outside know where each node's pods are; a machine was told when it was made. */
async function connectByRoutes(
  nodes: readonly ClusterNode[],
  machine: MachineNode | undefined,
  podCidrs: ReadonlyMap<string, string>,
): Promise<void> {
  for (const node of machine === undefined ? nodes : [...nodes, machine]) {
    const cidr = podCidrs.get(node.name) as string;
    for (const from of nodes) if (from !== node) await addRoute(from.name, cidr, node.address);
    for (const from of ["host", "outside"]) await addRoute(from, cidr, node.address);
  }
  for (const node of nodes) node.connect(podCidrs.get(node.name) as string);
}

/** Throws, with what is missing, unless all its pods are ready. */
function requireReady(kind: string, workload: object): void {
  const { metadata, spec, status } = workload as WorkloadState;
  const wanted = kind === "DaemonSet" ? (status?.desiredNumberScheduled ?? -1) : (spec.replicas ?? 1);
  const ready = (kind === "DaemonSet" ? status?.numberReady : status?.readyReplicas) ?? 0;
  const seen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  if (!seen || ready !== wanted) throw new Error(`${kind} ${metadata.name} has ${ready} of ${wanted} pods ready`);
}
