import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DNS_SERVICE, HOST_ADDRESS, POD_CIDR } from "./addressing.ts";

/** How kube-proxy makes Services. */
export type ProxyMode = "iptables" | "nftables" | "ipvs";

export interface NodeFilesOptions {
  readonly name: string;
  readonly address: string;
  readonly proxy: ProxyMode;
  /** Path of the kubeconfig of a `kube-proxy`, as the node sees it. */
  readonly proxyKubeconfig: string;
  readonly caFile: string;
  readonly runc: string;
  readonly cniPlugins: string;
  /** Directory of CNI configurations. */
  readonly cniConfiguration: string;
  readonly pauseImage: string;
  /** The node's part of every cgroup hierarchy, as its programs see it. */
  readonly cgroupRoot: string;
  /** Whether the machine allows to protect a process from the kernel's out-of-memory killer. */
  readonly mayProtect: boolean;
  /** Its CPU is slow: what can be done less often is. */
  readonly emulated: boolean;
}

/** Writes what containerd, the kubelet and kube-proxy are told: `containerd.toml`, `kubelet.yaml` and `proxy.yaml`. */
export function writeNodeFiles(directory: string, options: NodeFilesOptions): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "containerd.toml"), containerdConfiguration(options));
  // JSON is YAML.
  writeFileSync(join(directory, "kubelet.yaml"), JSON.stringify(kubeletConfiguration(directory, options), null, 2));
  writeFileSync(join(directory, "proxy.yaml"), JSON.stringify(proxyConfiguration(options), null, 2));
  writeFileSync(join(directory, "resolv.conf"), `nameserver ${HOST_ADDRESS}\n`);
}

/** Connects pods by a bridge, as Flannel and kubenet do. */
export function writeCniConfiguration(directory: string, podCidr: string, mtu: number): void {
  const bridge = {
    type: "bridge",
    bridge: "cni0",
    isDefaultGateway: true,
    hairpinMode: true,
    mtu,
    ipam: { type: "host-local", ranges: [[{ subnet: podCidr }]] },
  };
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, "10-bridge.conflist"),
    JSON.stringify({ cniVersion: "1.0.0", name: "pods", plugins: [bridge, portmap] }, null, 2),
  );
}

function containerdConfiguration(options: NodeFilesOptions): string {
  const unused = ["snapshotter.v1.blockfile", "snapshotter.v1.erofs", "nri.v1.nri", "tracing.processor.v1.otlp"];
  return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [${unused.map((name) => `"io.containerd.${name}"`).join(", ")}]
[grpc]
  address = "/run/containerd/containerd.sock"
[ttrpc]
  address = "/run/containerd/containerd.sock.ttrpc"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${options.pauseImage}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = ${!options.mayProtect}
  disable_apparmor = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${options.cniPlugins}"]
    conf_dir = "${options.cniConfiguration}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "${options.runc}"
      SystemdCgroup = false
`;
}

function kubeletConfiguration(directory: string, { address, caFile, cgroupRoot, emulated }: NodeFilesOptions): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address,
    authentication: { x509: { clientCAFile: caFile }, webhook: { enabled: true }, anonymous: { enabled: false } },
    authorization: { mode: "Webhook" },
    containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
    // A machine of cgroup v1 is a node like others.
    failCgroupV1: false,
    cgroupDriver: "cgroupfs",
    cgroupRoot,
    oomScoreAdj: 0,
    failSwapOn: false,
    clusterDNS: [DNS_SERVICE],
    clusterDomain: "cluster.local",
    resolvConf: join(directory, "resolv.conf"),
    volumePluginDir: "/var/lib/kubelet/plugins",
    // The machine's disk and memory are others' too.
    evictionHard: { "nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "50Mi" },
    imageGCHighThresholdPercent: 100,
    // Its own chains of iptables, which it looks at each minute, are of no use here.
    ...(emulated ? { makeIPTablesUtilChains: false } : { syncFrequency: "10s", nodeStatusUpdateFrequency: "5s" }),
  };
}

function proxyConfiguration({ name, address, proxy, proxyKubeconfig }: NodeFilesOptions): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: proxy,
    // Each time, it starts some twenty programs to look whether all is well.
    ipvs: { minSyncPeriod: "3s" },
    clientConnection: { kubeconfig: proxyKubeconfig },
    clusterCIDR: POD_CIDR,
    hostnameOverride: name,
    oomScoreAdj: 0,
    bindAddress: address,
    healthzBindAddress: `${address}:10256`,
    metricsBindAddress: "127.0.0.1:10249",
    // Limits of the whole machine, not of a node that is a namespace.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}
