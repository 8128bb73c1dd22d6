import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { type DualStack, netnsPath } from "./addressing.ts";
import type { CgroupTree } from "./cgroup-tree.ts";
import { type Fault, type FaultSpec, fault } from "./fault.ts";
import type { LabNode } from "./lab-node.ts";
import { connectPod, disconnectPod } from "./network.ts";
import { Place } from "./place.ts";
import type { Program, ProgramOptions, ProgramResult } from "./program.ts";

export interface Container {
  readonly name: string;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly place: Place;
}

/** A pod that is up: a network namespace, shared by containers that each have a cgroup, as a kubelet lays them out. */
export class Pod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly node: LabNode;
  readonly address: DualStack;
  readonly hostNetwork: boolean;
  readonly containers: readonly Container[];
  /** Absolute path of `…/kubepods/burstable/podUID`. */
  readonly cgroup: string;
  readonly #spec: KubernetesObject;
  readonly #startTime = new Date();
  readonly #host: number;
  readonly #tree: CgroupTree;
  #phase: "Running" | "Succeeded" | "Failed" = "Running";

  private constructor(stored: KubernetesObject, plan: PodPlan, cgroup: string, host: number, address: DualStack) {
    const { name, namespace = "default", uid = "" } = stored.metadata;
    const netns = plan.hostNetwork ? plan.node.host.netns : netnsPath(`pod-${shortId(uid)}`);
    this.name = name;
    this.namespace = namespace;
    this.uid = uid;
    this.node = plan.node;
    this.address = address;
    this.hostNetwork = plan.hostNetwork;
    this.cgroup = cgroup;
    this.containers = plan.containers.map((container) => {
      const id = randomBytes(32).toString("hex");
      return { name: container, id, place: new Place(netns, join(cgroup, id)) };
    });
    this.#spec = plan.object;
    this.#host = host;
    this.#tree = plan.tree;
  }

  /** Brings the pod up. `stored` is its object as the API server has it: the UID names its cgroup. */
  static async create(stored: KubernetesObject, plan: PodPlan): Promise<Pod> {
    const { name, uid } = stored.metadata;
    if (!uid) throw new Error(`Cannot bring pod "${name}" up: needed is its UID`);
    const taken = plan.hostNetwork ? { host: 0, address: plan.node.address } : plan.node.takeAddress(plan.host);
    const cgroup = join(plan.node.cgroupRoot, "kubepods/burstable", `pod${uid}`);
    const pod = new Pod(stored, plan, cgroup, taken.host, taken.address);
    if (!plan.hostNetwork) await connectPod(shortId(uid), plan.node.index, taken.address);
    // The sandbox: a container that no status names, whose one process keeps the pod's namespaces.
    const sandbox = new Place(pod.place.netns, join(cgroup, randomBytes(32).toString("hex")));
    for (const place of [sandbox, ...pod.containers.map((container) => container.place)]) {
      await plan.tree.make(place.cgroup.slice(plan.tree.root.length));
    }
    sandbox.start([plan.pause, "pause"]).unref();
    return pod;
  }

  /** The place of a container; the first one's by default. */
  container(name?: string): Container {
    const found =
      name === undefined ? this.containers[0] : this.containers.find((container) => container.name === name);
    if (found) return found;
    const known = this.containers.map((container) => container.name).join(", ");
    throw new Error(`Cannot find container "${name}" in pod "${this.name}": it has ${known}`);
  }

  /** The first container's place. */
  get place(): Place {
    return this.container().place;
  }

  /** Starts a program in a container's cgroup and the pod's network namespace. */
  start(container: string, argv: readonly string[], options?: ProgramOptions): Program {
    return this.container(container).place.start(argv, options);
  }

  /** Runs a program to its end; the caller judges the exit code. */
  run(container: string, argv: readonly string[], options?: ProgramOptions): Promise<ProgramResult> {
    return this.container(container).place.run(argv, options);
  }

  /** Runs a program and returns its standard output. Throws, with standard error, unless it exits with 0. */
  mustRun(container: string, argv: readonly string[], options?: ProgramOptions): Promise<string> {
    return this.container(container).place.mustRun(argv, options);
  }

  /** What arrives at a port of this pod is dropped or refused from now on, by a rule in the pod's namespace. */
  fault(spec: FaultSpec): Promise<Fault> {
    return fault(this.place.netns, spec);
  }

  /** Ends the pod as a job's: its processes are killed and its addresses given back, while the object stays. */
  async finish(phase: "Succeeded" | "Failed"): Promise<void> {
    if (this.#phase !== "Running") return;
    this.#phase = phase;
    await this.#tree.remove(this.cgroup);
    if (this.hostNetwork) return;
    await disconnectPod(shortId(this.uid), this.node.index);
    this.node.releaseAddress(this.#host);
  }

  get phase(): "Running" | "Succeeded" | "Failed" {
    return this.#phase;
  }

  get labels(): Readonly<Record<string, string>> {
    return (this.#spec.metadata["labels"] ?? {}) as Record<string, string>;
  }

  /** The object as a kubelet reports it. */
  object(): KubernetesObject {
    const running = this.#phase === "Running";
    const startedAt = this.#startTime.toISOString().replace(/\.\d+Z$/, "Z");
    const containerStatuses = this.containers.map(({ name, id }) => ({
      name,
      containerID: `containerd://${id}`,
      image: "lab.invalid/program:1",
      imageID: `sha256:${id}`,
      ready: running,
      started: running,
      restartCount: 0,
      state: running ? { running: { startedAt } } : { terminated: this.#terminated(startedAt, id) },
    }));
    const ips = [this.address.v4, this.address.v6].map((ip) => ({ ip }));
    const hostIPs = [this.node.address.v4, this.node.address.v6].map((ip) => ({ ip }));
    const conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => ({
      type,
      status: running ? "True" : "False",
    }));
    return {
      ...this.#spec,
      metadata: { ...this.#spec.metadata, uid: this.uid },
      status: {
        phase: this.#phase,
        conditions,
        hostIP: this.node.address.v4,
        hostIPs,
        podIP: this.address.v4,
        podIPs: ips,
        startTime: startedAt,
        qosClass: "Burstable",
        containerStatuses,
      },
    };
  }

  #terminated(startedAt: string, id: string): object {
    const exitCode = this.#phase === "Succeeded" ? 0 : 1;
    const reason = this.#phase === "Succeeded" ? "Completed" : "Error";
    return { exitCode, reason, startedAt, finishedAt: startedAt, containerID: `containerd://${id}` };
  }
}

export interface PodPlan {
  /** The object without status. */
  readonly object: KubernetesObject;
  readonly node: LabNode;
  readonly containers: readonly string[];
  readonly hostNetwork: boolean;
  /** Number of the address on the node, to use one again; by default the next free one. */
  readonly host: number | undefined;
  readonly tree: CgroupTree;
  /** Path of the program that keeps the sandbox: `peer`. */
  readonly pause: string;
}

/** Names the pod's namespace and device: device names end at 15 characters. */
function shortId(uid: string): string {
  return uid.replaceAll("-", "").slice(0, 10);
}
