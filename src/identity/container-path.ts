/** What the path of a cgroup says about who lives there. */
export interface CgroupPlace {
  /** UID of the pod, with dashes as the API server writes it; for a static pod the hash of its manifest. */
  readonly podUid: string | undefined;
  /** 64 hexadecimal digits. */
  readonly containerId: string | undefined;
  /** `containerd`, `crio`, `docker`, `podman`; undefined where the path does not tell. */
  readonly runtime: string | undefined;
  /** Name of a container that has no id: LXC, systemd-nspawn, virtual machines of libvirt. */
  readonly machine: string | undefined;
  /** The system's systemd service, such as `nginx.service`; never one of a user's session. */
  readonly unit: string | undefined;
}

const POD =
  /^(?:.*-)?pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;
const CONTAINER = /^(?:(cri-containerd|containerd|nerdctl|crio|docker|libpod|podman)-)?([0-9a-f]{64})(?:\.scope)?$/;
const KUBEPODS = /^(?:[^/]+-)?kubepods(?:\.slice)?$/;
const MACHINE = /^(?:machine-(.+)\.scope|lxc\.payload\.(.+))$/;
const UNIT = /^[^/]+\.service$/;
/** `a.slice:cri-containerd:ID`: what a runtime with the cgroupfs driver makes of a path meant for systemd. Other colons are part of a name. */
const CGROUPFS_OF_SYSTEMD = /:([^/:]*):([0-9a-f]{64})(?=\/|$)/g;
const RUNTIMES: Readonly<Record<string, string>> = {
  "cri-containerd": "containerd",
  containerd: "containerd",
  nerdctl: "containerd",
  crio: "crio",
  docker: "docker",
  libpod: "podman",
  podman: "podman",
  libpod_parent: "podman",
};
const NOWHERE: CgroupPlace = {
  podUid: undefined,
  containerId: undefined,
  runtime: undefined,
  machine: undefined,
  unit: undefined,
};

/**
 * Reads a cgroup path of any runtime and cgroup driver, below any prefix (kind, nested kubelets, private cgroup namespaces).
 *
 * The outermost pod and the outermost container in it count: what lies further inside was made by the container itself,
 * which may name its directories as it likes. A path that says nothing is a place with nothing in it.
 */
export function placeOfCgroup(path: string): CgroupPlace {
  if (path === "/" || path === "") return NOWHERE;
  const parts = path
    .replace(/ \(deleted\)$/, "")
    .replace(CGROUPFS_OF_SYSTEMD, "/$1-$2")
    .split("/");
  const podIndex = parts.findIndex((part) => POD.test(part));
  const podUid = podIndex < 0 ? undefined : POD.exec(parts[podIndex] ?? "")?.[1]?.replaceAll("_", "-");
  const containerIndex = parts.findIndex((part, index) => index > podIndex && CONTAINER.test(part));
  const [, prefix, containerId] = CONTAINER.exec(parts[containerIndex] ?? "") ?? [];
  if (podUid !== undefined || containerId !== undefined) {
    const runtime = RUNTIMES[prefix ?? parts[containerIndex - 1] ?? ""];
    return { podUid, containerId, runtime, machine: undefined, unit: undefined };
  }
  const machine = machineOf(parts);
  const unit = machine === undefined ? unitOf(parts) : undefined;
  return machine === undefined && unit === undefined ? NOWHERE : { ...NOWHERE, machine, unit };
}

/** The directory of the innermost pod or container on a path, undefined where there is none: what the agent itself lives in. */
export function innermostContainer(path: string): string | undefined {
  const parts = path.split("/");
  const podIndex = parts.findLastIndex((part) => POD.test(part));
  const index = podIndex < 0 ? parts.findLastIndex((part) => CONTAINER.test(part)) : podIndex;
  return index < 0 ? undefined : parts.slice(0, index + 1).join("/");
}

/** The directory in which the innermost kubelet on a path keeps its pods (its `--cgroup-root`); undefined where no pod is on it. */
export function kubeletRoot(path: string): string | undefined {
  const parts = path.split("/");
  const podIndex = parts.findLastIndex((part) => POD.test(part));
  const index = parts.findLastIndex((part, at) => at < podIndex && KUBEPODS.test(part));
  return index < 0 ? undefined : parts.slice(0, index).join("/") || "/";
}

function machineOf(parts: readonly string[]): string | undefined {
  const lxc = parts.indexOf("lxc");
  if (lxc >= 0 && parts[lxc + 1]) return parts[lxc + 1];
  for (const part of parts) {
    const [, scope, payload] = MACHINE.exec(part) ?? [];
    const name = scope ?? payload;
    if (name !== undefined) return name;
  }
  return undefined;
}

function unitOf(parts: readonly string[]): string | undefined {
  if (parts.includes("user.slice")) return undefined;
  return parts.find((part) => UNIT.test(part));
}
