import { ApiServer } from "../rig/api-server.ts";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";

export interface BigClusterSize {
  readonly pods: number;
  readonly services: number;
  readonly nodes: number;
}

/** Writes under way together. */
const WRITERS = 8;

/**
 * A real API server with as many objects as a large cluster has, written straight to it: each as large as those that a Deployment, its
 * kubelets and the EndpointSlice controller leave behind. No controller runs, so nothing changes but what is changed here.
 */
export class BigCluster {
  readonly server: ApiServer;
  readonly size: BigClusterSize;
  /** How often each pod was replaced. */
  readonly #generations: number[];

  static async start(size: BigClusterSize): Promise<BigCluster> {
    const server = await ApiServer.start({ serviceCidrs: "10.96.0.0/12" });
    const cluster = new BigCluster(server, size);
    try {
      await cluster.#fill();
      return cluster;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  private constructor(server: ApiServer, size: BigClusterSize) {
    this.server = server;
    this.size = size;
    this.#generations = Array.from({ length: size.pods }, () => 0);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  /** One write that a watch shows as one event: a kubelet's report of a pod (or, every tenth time, of a node's condition), the next in turn. */
  async change(index: number): Promise<void> {
    if (index % 10 === 9) {
      await this.reportNode(index);
      return;
    }
    const pod = index % this.size.pods;
    await this.server.admin.patchStatus(this.#pod(pod), this.#podStatus(pod, index + 1));
  }

  /** What a rolling update does with one pod, with all the writes that its controllers and its kubelet make: 4 for the old, 4 for the new, 2 of a slice. */
  async replace(index: number): Promise<void> {
    const { admin } = this.server;
    const old = this.#pod(index);
    await admin.delete(old, { gracePeriodSeconds: 30 });
    await admin.patchStatus(old, { ...this.#podStatus(index, 1), phase: "Running" });
    await admin.patchStatus(old, { ...this.#podStatus(index, 2), phase: "Failed" });
    await admin.delete(old);
    this.#generations[index] = (this.#generations[index] ?? 0) + 1;
    const young = this.#pod(index);
    await admin.create(young);
    await admin.patchStatus(young, { phase: "Pending", conditions: conditions(0) });
    await admin.patchStatus(young, { ...this.#podStatus(index, 3), phase: "Pending" });
    await admin.patchStatus(young, this.#podStatus(index, 4));
    const service = index % this.size.services;
    for (const ready of [false, true]) await admin.patch(this.#slice(service), this.#endpoints(service, ready));
  }

  /** A kubelet's report of its node, as each makes every five minutes. */
  async reportNode(index: number): Promise<void> {
    await this.server.admin.patchStatus(this.#node(index % this.size.nodes), nodeStatus(this.size.nodes + index));
  }

  /** A run of a CronJob's Job, with the writes that its controllers make: made, started, its pod ready, done, and forgotten. */
  async runJob(index: number): Promise<void> {
    const { admin } = this.server;
    const one = job(index);
    await admin.create(one);
    await admin.patchStatus(one, { active: 1, ready: 0, startTime: moment(0) });
    await admin.patchStatus(one, { active: 1, ready: 1, startTime: moment(0) });
    const types = ["SuccessCriteriaMet", "Complete"];
    await admin.patchStatus(one, {
      ...{ active: 0, ready: 0, succeeded: 1, startTime: moment(0), completionTime: moment(9) },
      conditions: types.map((type) => ({ type, status: "True", lastTransitionTime: moment(9) })),
    });
    await admin.delete(one);
  }

  /** What a rolling update of two pods does with its two ReplicaSets: the new one is made and grows, and the old one shrinks and is forgotten later. */
  async rollReplicaSet(index: number): Promise<void> {
    const { admin } = this.server;
    const young = replicaSet(index);
    await admin.create(young);
    for (const replicas of [1, 2]) {
      await admin.patch(young, { spec: { replicas } });
      await admin.patchStatus(young, { replicas, fullyLabeledReplicas: replicas, readyReplicas: replicas - 1 });
      await admin.patchStatus(young, { replicas, fullyLabeledReplicas: replicas, readyReplicas: replicas });
    }
    for (const replicas of [1, 0]) {
      await admin.patch(young, { spec: { replicas } });
      await admin.patchStatus(young, { replicas, fullyLabeledReplicas: replicas, readyReplicas: replicas });
    }
    await admin.delete(young);
  }

  async #fill(): Promise<void> {
    const { admin } = this.server;
    const { pods, services, nodes } = this.size;
    await each(nodes, async (index) => {
      await admin.create(this.#node(index));
      await admin.patchStatus(this.#node(index), nodeStatus(index));
    });
    await each(pods, async (index) => {
      await admin.create(this.#pod(index));
      await admin.patchStatus(this.#pod(index), this.#podStatus(index, 0));
    });
    await each(services, async (index) => {
      await admin.create(service(index));
      await admin.create(this.#slice(index));
    });
  }

  #pod(index: number): KubernetesObject {
    const app = `app-${index % this.size.services}`;
    const hash = hex(index % this.size.services, 10);
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: `${app}-${hash}-${hex(index, 5)}${this.#generations[index] ?? 0}`,
        namespace: "default",
        labels: { app, "pod-template-hash": hash, "app.kubernetes.io/name": app, "app.kubernetes.io/part-of": "shop" },
        annotations: { "checksum/config": "5f".repeat(32) },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "ReplicaSet", name: `${app}-${hash}`, uid: `uid-${app}`, controller: true },
        ],
      },
      spec: {
        nodeName: nodeName(index % this.size.nodes),
        containers: ["app", "proxy"].map((name) => container(name)),
        volumes: volumes(app),
        tolerations: ["not-ready", "unreachable"].map((key) => ({
          key: `node.kubernetes.io/${key}`,
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds: 300,
        })),
      },
    };
  }

  #podStatus(index: number, turn: number): object {
    const ip = `10.${32 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
    return {
      phase: "Running",
      hostIP: nodeAddress(index % this.size.nodes),
      podIP: ip,
      podIPs: [{ ip }],
      startTime: moment(turn),
      conditions: conditions(turn),
      containerStatuses: ["app", "proxy"].map((name, position) => ({
        name,
        ready: turn % 2 === 0,
        restartCount: 0,
        started: true,
        image: `registry.example/${name}:1.2.3`,
        imageID: `registry.example/${name}@sha256:${"5f".repeat(32)}`,
        containerID: `containerd://${hex(this.#generations[index] ?? 0, 8)}${hex(index, 48)}${hex(position, 8)}`,
        state: { running: { startedAt: moment(turn) } },
      })),
    };
  }

  #node(index: number): KubernetesObject {
    const podCIDR = `10.${32 + (index >> 8)}.${index & 255}.0/24`;
    return {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name: nodeName(index),
        labels: { "topology.kubernetes.io/zone": `zone-${index % 3}`, "topology.kubernetes.io/region": "region-1" },
      },
      spec: { podCIDR, podCIDRs: [podCIDR] },
      status: { addresses: [{ type: "InternalIP", address: nodeAddress(index) }] },
    };
  }

  #slice(index: number): KubernetesObject {
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `app-${index}-x`,
        namespace: "default",
        labels: { "kubernetes.io/service-name": `app-${index}` },
      },
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      ...this.#endpoints(index, true),
    };
  }

  #endpoints(index: number, ready: boolean): object {
    const { pods, services, nodes } = this.size;
    const backends: object[] = [];
    for (let pod = index; pod < pods; pod += services) {
      backends.push({
        addresses: [`10.${32 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`],
        conditions: { ready, serving: ready, terminating: false },
        nodeName: nodeName(pod % nodes),
        targetRef: { kind: "Pod", namespace: "default", name: this.#pod(pod).metadata.name, uid: `uid-${pod}` },
      });
    }
    return { endpoints: backends };
  }
}

/** Calls `write` for 0 to `count` - 1, a few at a time. */
export async function each(count: number, write: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const writer = async () => {
    while (next < count) await write(next++);
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

function container(name: string): object {
  return {
    name,
    image: `registry.example/${name}:1.2.3`,
    env: Array.from({ length: 12 }, (_, index) => ({ name: `SETTING_${index}`, value: "x".repeat(40) })),
    ports: [{ name: "http", containerPort: 8080 }],
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
    livenessProbe: { httpGet: { path: "/healthz", port: "http" } },
    readinessProbe: { httpGet: { path: "/readyz", port: "http" } },
    volumeMounts: [{ name: "config", mountPath: "/etc/config" }],
  };
}

function volumes(app: string): object[] {
  return [{ name: "config", configMap: { name: app } }];
}

function job(index: number): KubernetesObject {
  const cronJob = {
    apiVersion: "batch/v1",
    kind: "CronJob",
    name: `report-${index}`,
    uid: `uid-${index}`,
    controller: true,
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: `report-${index}-29000000`, namespace: "default", ownerReferences: [cronJob] },
    spec: { template: { spec: { restartPolicy: "Never", containers: [container("app")], volumes: volumes("app") } } },
  };
}

function replicaSet(index: number): KubernetesObject {
  const [app, hash] = [`app-${index}`, hex(index, 10)];
  const labels = { app, "pod-template-hash": hash };
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", name: app, uid: `uid-${app}`, controller: true };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: `${app}-${hash}`, namespace: "default", labels, ownerReferences: [deployment] },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: ["app", "proxy"].map((name) => container(name)), volumes: volumes(app) },
      },
    },
  };
}

function service(index: number): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `app-${index}`, namespace: "default", labels: { app: `app-${index}` } },
    spec: { selector: { app: `app-${index}` }, ports: [{ name: "http", port: 80, targetPort: "http" }] },
  };
}

function conditions(turn: number): object[] {
  return ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
    type,
    status: type.endsWith("Ready") && turn % 2 === 1 ? "False" : "True",
    lastTransitionTime: moment(turn),
  }));
}

/** As a kubelet reports it; the images are what most of a node's bytes are. */
function nodeStatus(turn: number): object {
  return {
    conditions: ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"].map((type) => ({
      type,
      status: type === "Ready" ? "True" : "False",
      reason: "KubeletHasSufficient",
      message: "kubelet has what it needs",
      lastHeartbeatTime: moment(turn),
      lastTransitionTime: moment(0),
    })),
    images: Array.from({ length: 50 }, (_, index) => ({
      names: [`registry.example/image-${index}@sha256:${"5f".repeat(32)}`, `registry.example/image-${index}:1.2.3`],
      sizeBytes: 100_000_000 + index,
    })),
  };
}

const nodeName = (index: number) => `node-${index}`;
const nodeAddress = (index: number) => `172.16.${index >> 8}.${index & 255}`;
const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
const moment = (turn: number) => new Date(1_790_000_000_000 + turn * 1000).toISOString();
