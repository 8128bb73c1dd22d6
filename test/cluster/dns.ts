import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { DNS_SERVICE, OUTSIDE_ADDRESS } from "./addressing.ts";

/** A name that the cluster's DNS knows for the host outside. */
export const OUTSIDE_NAME = "warehouse.example";

const COREFILE = `.:53 {
  errors
  health
  ready
  cache 5
  loadbalance
  hosts {
    ${OUTSIDE_ADDRESS} ${OUTSIDE_NAME}
    fallthrough
  }
  kubernetes cluster.local
}
`;

const metadata = { name: "coredns", namespace: "kube-system" } as const;

/** CoreDNS as clusters have it. */
export function dnsObjects(image: string): KubernetesObject[] {
  const labels = { "k8s-app": "kube-dns" };
  const rule = (apiGroup: string, resources: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs: ["list", "watch"],
  });
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "system:coredns" },
      rules: [rule("", ["services", "pods", "namespaces"]), rule("discovery.k8s.io", ["endpointslices"])],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "system:coredns" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:coredns" },
      subjects: [{ kind: "ServiceAccount", ...metadata }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { Corefile: COREFILE } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: metadata.name,
            dnsPolicy: "Default",
            // A virtual machine would be slow at it, and need the image.
            nodeSelector: { "kubernetes.io/hostname": "n1" },
            containers: [
              {
                name: "coredns",
                image,
                imagePullPolicy: "Never",
                command: ["/bin/coredns", "-conf", "/etc/coredns/Corefile"],
                volumeMounts: [{ name: "config", mountPath: "/etc/coredns" }],
                readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 1 },
              },
            ],
            volumes: [{ name: "config", configMap: { name: metadata.name } }],
          },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "kube-dns", namespace: "kube-system" },
      spec: {
        clusterIP: DNS_SERVICE,
        selector: labels,
        ports: [
          { name: "dns", port: 53, protocol: "UDP" },
          { name: "dns-tcp", port: 53, protocol: "TCP" },
        ],
      },
    },
  ];
}
