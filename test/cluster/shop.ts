import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { OUTSIDE_ADDRESS } from "./addressing.ts";
import { OUTSIDE_NAME } from "./dns.ts";

/** Of a connection in every journey. Primes, so that no sum or double comes out by accident. */
export const REQUEST_BYTES = 10_007;
export const RESPONSE_BYTES = 20_011;

/** Where the shop's programs listen. Nothing else of a cluster, or of this host, does. */
export const PORT = {
  ...{ web: 21_080, db: 21_081, scale: 21_082, till: 21_083, loner: 21_084, outside: 21_085 },
  ...{ kiosk: 21_086, stall: 21_087 },
} as const;
/** Every Service's. */
export const SERVICE_PORT = 21_180;
export const NODE_PORT = { till: 31_081, tillLocal: 31_082, kiosk: 31_083 } as const;
export const EXTERNAL_IP = "10.246.0.211";
export const BALANCER_IP = "10.246.0.221";

const NAMESPACE = "shop";

/**
 * Workloads of every kind, and Services of every kind in front of them:
 *
 *   buyer    Deployment, a pod on each node: makes connections
 *   web      Deployment, on n1 and n2
 *   db       StatefulSet, db-0 and db-1 on n1 and n3
 *   till     Deployment, on n2
 *   scale    DaemonSet in the nodes' network
 *   loner    a pod without an owner, on n3
 *   report   CronJob that never is due: a test makes its jobs
 *
 * And where there is a machine, n4, besides a pod of buyer's on it:
 *
 *   kiosk    Deployment, on n4
 *   stall    Deployment, on n1 and n4
 */
export function shopObjects(image: string, peer: string, { machine }: { machine: boolean }): KubernetesObject[] {
  const server = (port: number) => ({
    name: "peer",
    image,
    imagePullPolicy: "Never",
    command: [
      peer,
      "serve",
      "--port",
      String(port),
      "--read",
      String(REQUEST_BYTES),
      "--respond",
      String(RESPONSE_BYTES),
    ],
    resources: { requests: { cpu: "10m", memory: "10Mi" } },
    // Asked without a connection, which would be counted.
    startupProbe: {
      exec: { command: ["grep", "-q", `:${port.toString(16).toUpperCase()} `, "/proc/net/tcp6"] },
      periodSeconds: 1,
      // An emulated CPU needs seconds to start a program in a container.
      timeoutSeconds: 30,
      failureThreshold: 120,
    },
  });
  const spread = (app: string) => [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app } },
      nodeAffinityPolicy: "Honor",
    },
  ];
  const on = (...nodes: readonly string[]) => {
    const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: nodes }];
    const terms = { nodeSelectorTerms: [{ matchExpressions }] };
    return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } } };
  };
  const workload = (kind: string, app: string, spec: object, pod: object): KubernetesObject => ({
    apiVersion: "apps/v1",
    kind,
    metadata: { name: app, namespace: NAMESPACE },
    spec: {
      ...spec,
      selector: { matchLabels: { app } },
      template: { metadata: { labels: { app } }, spec: { terminationGracePeriodSeconds: 1, ...pod } },
    },
  });
  const everywhere = machine ? ["n1", "n2", "n3", "n4"] : ["n1", "n2", "n3"];
  const atMachine = [
    workload("Deployment", "kiosk", { replicas: 1 }, { containers: [server(PORT.kiosk)], ...on("n4") }),
    workload(
      "Deployment",
      "stall",
      { replicas: 2 },
      { containers: [server(PORT.stall)], ...on("n1", "n4"), topologySpreadConstraints: spread("stall") },
    ),
    service("kiosk", "kiosk", PORT.kiosk, { type: "NodePort" }, NODE_PORT.kiosk),
    service("stall", "stall", PORT.stall),
  ];
  const buyer = { name: "peer", image, imagePullPolicy: "Never" };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    workload(
      "Deployment",
      "buyer",
      { replicas: everywhere.length },
      {
        containers: [buyer],
        ...on(...everywhere),
        topologySpreadConstraints: spread("buyer"),
      },
    ),
    workload(
      "Deployment",
      "web",
      { replicas: 2 },
      {
        containers: [server(PORT.web)],
        ...on("n1", "n2"),
        topologySpreadConstraints: spread("web"),
      },
    ),
    workload(
      "StatefulSet",
      "db",
      { replicas: 2, serviceName: "db", podManagementPolicy: "Parallel" },
      {
        containers: [server(PORT.db)],
        ...on("n1", "n3"),
        topologySpreadConstraints: spread("db"),
      },
    ),
    workload("Deployment", "till", { replicas: 1 }, { containers: [server(PORT.till)], ...on("n2") }),
    workload(
      "DaemonSet",
      "scale",
      {},
      {
        containers: [server(PORT.scale)],
        ...on("n1", "n2", "n3"),
        hostNetwork: true,
        dnsPolicy: "ClusterFirstWithHostNet",
      },
    ),
    // Bare, as nothing would bring it back: on its node from the start.
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "loner", namespace: NAMESPACE, labels: { app: "loner" } },
      spec: { nodeName: "n3", containers: [server(PORT.loner)], terminationGracePeriodSeconds: 1 },
    },
    {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { name: "report", namespace: NAMESPACE },
      spec: {
        schedule: "0 0 31 2 *",
        suspend: true,
        jobTemplate: {
          spec: { backoffLimit: 0, template: { spec: { restartPolicy: "Never", containers: [buyer] } } },
        },
      },
    },
    ...(machine ? atMachine : []),
    service("web", "web", PORT.web),
    service("web-sticky", "web", PORT.web, { sessionAffinity: "ClientIP" }),
    service("db", "db", PORT.db, { clusterIP: "None" }),
    service("loner", "loner", PORT.loner),
    service("till", "till", PORT.till, { type: "NodePort" }, NODE_PORT.till),
    service("till-local", "till", PORT.till, { type: "NodePort", externalTrafficPolicy: "Local" }, NODE_PORT.tillLocal),
    service("till-external", "till", PORT.till, { externalIPs: [EXTERNAL_IP] }),
    service("till-balanced", "till", PORT.till, { type: "LoadBalancer", allocateLoadBalancerNodePorts: false }),
    service("scale", "scale", PORT.scale),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "elsewhere", namespace: NAMESPACE },
      spec: { type: "ExternalName", externalName: OUTSIDE_NAME },
    },
    service("legacy", undefined, PORT.outside),
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "legacy-1", namespace: NAMESPACE, labels: { "kubernetes.io/service-name": "legacy" } },
      addressType: "IPv4",
      ports: [{ port: PORT.outside, protocol: "TCP" }],
      endpoints: [{ addresses: [OUTSIDE_ADDRESS], conditions: { ready: true } }],
    } as KubernetesObject,
  ];
}

/** Without `app`, a Service that selects nothing. */
function service(
  name: string,
  app: string | undefined,
  targetPort: number,
  spec: object = {},
  nodePort?: number,
): KubernetesObject {
  const port = { port: SERVICE_PORT, targetPort, protocol: "TCP", ...(nodePort === undefined ? {} : { nodePort }) };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: NAMESPACE },
    spec: { ...(app === undefined ? {} : { selector: { app } }), ports: [port], ...spec },
  };
}
