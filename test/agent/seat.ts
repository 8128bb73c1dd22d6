import { randomBytes } from "node:crypto";
import { mkdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { netnsPath } from "../lab/addressing.ts";
import type { LabNode } from "../lab/lab-node.ts";
import { connectPod } from "../lab/network.ts";
import { Place } from "../lab/place.ts";
import { Teller, type TellerResults } from "../lab/teller.ts";
import { ApiError, type KubernetesClient, type KubernetesObject } from "../rig/kubernetes-client.ts";
import { waitUntil } from "../rig/wait-until.ts";

export interface SeatOptions {
  readonly node: LabNode;
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly port: number;
  /** Between two calls of a pod's program. */
  readonly periodMs: number;
  /** A whole number from 0 up to below the bound. */
  readonly random: (bound: number) => number;
}

/** How the news of a pod's end come, as against the next one that has its address. Both are told to end before they do. */
export type Ending =
  /** Its last status says that it has ended, and comes before the address is used again; its deletion comes at any time later. */
  | "told"
  /** Nothing is told but its deletion, and that after the next one's status. */
  | "late";

/** A pod that had the seat, and what its program did. */
export interface Sitting {
  readonly workload: string;
  /** When its program ended, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
  readonly results: TellerResults;
}

interface Occupant {
  readonly object: KubernetesObject;
  readonly workload: string;
  readonly cgroup: string;
  readonly teller: Teller;
  readonly containerId: string;
  readonly startedAt: string;
  readonly fromMs: number;
  /** The news that it has its address, on their way. */
  readonly announced: Promise<unknown>;
}

let seats = 0;
/** How long the API server takes to hear news, at the slowest lately: as long as they may take to the agents on a machine full of other work. */
let slowestMs = 0;

/**
 * An address of a node that goes from one pod to the next, with what a kubelet and a controller do about it: objects of the API
 * server, cgroups named by their UIDs, and a program in each that answers and calls. Its network namespace is always the same one,
 * as the kernel gives the numbers of namespaces out again at once.
 */
export class Seat {
  readonly address: string;
  readonly sittings: Sitting[] = [];
  /** Between the end of one pod's program and the next one's start, with the same address. */
  readonly gapsMs: number[] = [];
  /** How long the API server took to hear each news. */
  readonly newsMs: number[] = [];
  readonly #options: SeatOptions;
  readonly #netns: string;
  readonly #news: Promise<unknown>[] = [];
  #calls: readonly string[] = [];
  #occupant: Occupant | undefined;

  private constructor(options: SeatOptions, address: string, netns: string) {
    this.#options = options;
    this.address = address;
    this.#netns = netns;
  }

  static async create(options: SeatOptions): Promise<Seat> {
    const { node } = options;
    const { address } = node.takeAddress();
    const id = `seat${++seats}`;
    await connectPod(id, node.index, address);
    return new Seat(options, address.v4, netnsPath(`pod-${id}`));
  }

  /** Whom the programs of its pods call, in turn. */
  call(addresses: readonly string[]): void {
    this.#calls = addresses;
  }

  /** The first pod comes, and its news. */
  async take(workload: string): Promise<void> {
    this.#occupant = await this.#start(await this.#create(workload), workload);
    await this.#occupant.announced;
  }

  /** Another workload's pod takes the address over. Returns when both have been told of, but for the end of the old one. */
  async replace(workload: string, ending: Ending): Promise<void> {
    const { random } = this.#options;
    const old = this.#occupant;
    if (old === undefined) throw new Error(`Cannot replace a pod at ${this.address}: nobody is there`);
    const isEarly = random(2) === 0;
    // the next pod may wait for its address for a while
    const early = isEarly ? await this.#create(workload) : undefined;
    await this.#delete(old.object, 30);
    const next = early ?? (await this.#create(workload));
    await this.#end(old);
    const endedMs = Date.now();
    if (ending === "told") {
      await delay(random(50));
      slowestMs = Math.max(await this.#timed(this.#tellEnd(old)), 0.9 * slowestMs);
      await delay(100 + random(200) + 4 * slowestMs);
    }
    this.#occupant = await this.#start(next, workload);
    this.gapsMs.push(this.#occupant.fromMs - endedMs);
    const { announced } = this.#occupant;
    const late = async () => {
      if (ending === "late") await announced;
      await delay(random(1000));
      await this.#delete(old.object, 0);
    };
    this.#news.push(late());
    await announced;
  }

  /** The workload whose program here ended around a moment. */
  whoEnded(unixMs: number): string | undefined {
    const distanceMs = (sitting: Sitting) => Math.abs(sitting.untilMs - unixMs);
    return this.sittings.toSorted((a, b) => distanceMs(a) - distanceMs(b))[0]?.workload;
  }

  /** Ends the last pod's program. Its object stays. */
  async leave(): Promise<void> {
    if (this.#occupant) await this.#end(this.#occupant);
    await Promise.all(this.#news);
  }

  async #create(workload: string): Promise<KubernetesObject> {
    const { client, namespace, node } = this.#options;
    const owner = {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      name: workload,
      uid: `set-${workload}`,
      controller: true,
    };
    return client.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `${workload}-${randomBytes(4).toString("hex")}`, namespace, ownerReferences: [owner] },
      spec: { nodeName: node.name, containers: [{ name: "main", image: "none" }] },
    });
  }

  /** Its processes begin; the status that says so is some way behind. */
  async #start(object: KubernetesObject, workload: string): Promise<Occupant> {
    const { node, port, periodMs, random } = this.#options;
    const containerId = randomBytes(32).toString("hex");
    const cgroup = join(node.cgroupRoot, "kubepods/burstable", `pod${object.metadata.uid}`, containerId);
    await mkdir(cgroup, { recursive: true });
    const fromMs = Date.now();
    const startedAt = new Date(fromMs).toISOString().replace(/\.\d+Z$/, "Z");
    const announcing = delay(10 + random(490)).then(() => this.#timed(this.#announce(object, containerId, startedAt)));
    const place = new Place(this.#netns, cgroup);
    const teller = await Teller.start(place, { name: workload, port, periodMs, calls: this.#calls });
    return { object, workload, cgroup, teller, containerId, startedAt, fromMs, announced: announcing };
  }

  async #end({ teller, workload, cgroup }: Occupant): Promise<void> {
    const results = await teller.stop();
    this.sittings.push({ workload, untilMs: Date.now(), results });
    const removed = async () => {
      await rmdir(cgroup);
      return true;
    };
    await waitUntil(removed, { what: `${cgroup} to be empty` });
    await rmdir(dirname(cgroup));
  }

  async #timed(news: Promise<unknown>): Promise<number> {
    const beganMs = performance.now();
    await news;
    const tookMs = performance.now() - beganMs;
    this.newsMs.push(tookMs);
    return tookMs;
  }

  #announce(object: KubernetesObject, containerId: string, startedAt: string): Promise<unknown> {
    const { client } = this.#options;
    return client.patchStatus(object, {
      phase: "Running",
      podIP: this.address,
      podIPs: [{ ip: this.address }],
      startTime: startedAt,
      containerStatuses: [{ ...this.#container(containerId), ready: true, state: { running: { startedAt } } }],
    });
  }

  #tellEnd({ object, containerId, startedAt }: Occupant): Promise<unknown> {
    const { client } = this.#options;
    const finishedAt = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const terminated = { exitCode: 0, reason: "Completed", startedAt, finishedAt };
    return client.patchStatus(object, {
      phase: "Succeeded",
      containerStatuses: [{ ...this.#container(containerId), ready: false, state: { terminated } }],
    });
  }

  #container(id: string): object {
    return { name: "main", image: "none", imageID: "", restartCount: 0, containerID: `containerd://${id}` };
  }

  async #delete(object: KubernetesObject, gracePeriodSeconds: number): Promise<void> {
    await this.#options.client.delete(object, { gracePeriodSeconds }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    });
  }
}
