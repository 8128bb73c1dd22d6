import { ApiServer } from "../rig/api-server.ts";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { Process } from "../rig/process.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { toolPath } from "../rig/tools.ts";
import { each } from "./big-cluster.ts";

const PODS_PER_APP = 20;

/**
 * A real API server whose nodes and pods kwok plays: it takes pods on, gives them addresses, has them run, reports and renews its nodes, and
 * ends what is deleted, as kubelets would.
 */
export class KwokCluster {
  readonly server: ApiServer;
  readonly #kwok: Process;
  readonly #directory: ScratchDirectory;
  readonly #nodes: number;
  /** How often each pod was replaced. */
  readonly #generations = new Map<number, number>();

  /** With its nodes, and without pods. */
  static async start(nodes: number): Promise<KwokCluster> {
    const directory = new ScratchDirectory();
    const server = await ApiServer.start({ serviceCidrs: "10.96.0.0/12" });
    try {
      const kwok = await Process.start({
        command: [
          await toolPath("kwok", "kwok"),
          `--kubeconfig=${server.adminKubeconfig}`,
          `--config=${await toolPath("kwok", "kwok-stages.yaml")}`,
          "--manage-all-nodes",
          "--node-lease-duration-seconds=40",
          "--node-ip=192.0.2.1",
          "--cidr=10.32.0.0/16",
        ],
        logFile: directory.file("kwok.log"),
      });
      await each(nodes, async (index) => {
        await server.admin.create({ apiVersion: "v1", kind: "Node", metadata: { name: `node-${index}` } });
      });
      return new KwokCluster(server, kwok, directory, nodes);
    } catch (error) {
      await server.stop();
      directory.remove();
      throw error;
    }
  }

  private constructor(server: ApiServer, kwok: Process, directory: ScratchDirectory, nodes: number) {
    this.server = server;
    this.#kwok = kwok;
    this.#directory = directory;
    this.#nodes = nodes;
  }

  async stop(): Promise<void> {
    await this.#kwok.kill();
    await this.server.stop();
    this.#directory.remove();
  }

  async create(index: number): Promise<void> {
    await this.server.admin.create(this.#pod(index));
  }

  /** A new pod in the place of the old one, which kwok ends as a kubelet would. */
  async replace(index: number): Promise<void> {
    await this.server.admin.delete(this.#pod(index), { gracePeriodSeconds: 30 });
    this.#generations.set(index, (this.#generations.get(index) ?? 0) + 1);
    await this.create(index);
  }

  /** How many pods run and have an address, as the API server has it. */
  async running(): Promise<number> {
    const pods = await this.server.admin.list("v1", "Pod", "default");
    const statuses = pods.map((pod) => (pod as { status?: { phase?: string; podIP?: string } }).status);
    return statuses.filter((status) => status?.phase === "Running" && status.podIP !== undefined).length;
  }

  /** What kwok wrote. */
  log(): string {
    return this.#kwok.log();
  }

  #pod(index: number): KubernetesObject {
    const app = `app-${Math.floor(index / PODS_PER_APP)}`;
    const labels = { app, "pod-template-hash": "5d9c7b8f6" };
    const owner = {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: `${app}-5d9c7b8f6`,
      uid: `uid-${app}`,
      controller: true,
    };
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: `${app}-5d9c7b8f6-${index}-${this.#generations.get(index) ?? 0}`,
        namespace: "default",
        labels,
        ownerReferences: [owner],
      },
      spec: { nodeName: `node-${index % this.#nodes}`, containers: [{ name: "app", image: "app:1" }] },
    };
  }
}
