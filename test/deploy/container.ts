import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import type { PodTemplate } from "./pod-template.ts";
import type { Runtime, RuntimeConfig } from "./runtime.ts";

/** What a kubelet adds to a pod template. */
export interface Kubelet {
  readonly nodeName: string;
  readonly hostIp: string;
  readonly podUid: string;
  /** Content of the pod's ConfigMaps by their names. */
  readonly configMaps: readonly KubernetesObject[];
  /** Files of the service account: `token`, `ca.crt`. Without them the pod has none. */
  readonly serviceAccount?: Readonly<Record<string, string>>;
  /** Set after the template's own. */
  readonly env: Readonly<Record<string, string>>;
}

/** `MEBIBYTES` and others of a quantity's units. */
const UNITS: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The command that runs a container of the pod template under runc, as a kubelet and containerd would: what of it the
 * template and the image say comes from there. `args` follow the image's entry point. It ends with the command, however that ends.
 */
export async function containerCommand(
  runtime: Runtime,
  template: PodTemplate,
  kubelet: Kubelet,
  ...args: readonly string[]
): Promise<readonly [string, ...string[]]> {
  const { id, config, mountAt } = await runtime.prepare(template);
  const directory = runtime.directory(id);
  applyTemplate(config, template, kubelet, directory);
  config.process.args.push(...args);
  config.linux.cgroupsPath = `/${id}`;
  config.root.path = "rootfs";
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  // The mount is seen by runc alone, and goes with it. Whatever ends runc ends the container soon after.
  const script = `${await mountAt(join(directory, "rootfs"))}
    runc="runc --root ${directory}/runc"
    { tail --pid=$$ -f /dev/null; $runc delete --force ${id}; } </dev/null >/dev/null 2>&1 &
    exec $runc run --bundle ${directory} ${id}`;
  return ["unshare", "--mount", "bash", "-ec", script];
}

function applyTemplate(config: RuntimeConfig, template: PodTemplate, kubelet: Kubelet, directory: string): void {
  const { container, hostPID, hostIPC, hostNetwork } = template;
  config.process.user.uid = container.runAsUser;
  config.process.user.gid = container.runAsGroup;
  config.process.user.additionalGids = [container.runAsGroup];
  const ofHost = { pid: hostPID, ipc: hostIPC, uts: hostNetwork } as Readonly<Record<string, boolean>>;
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => !ofHost[type]);
  // As on a host with cgroup v2 alone; on others containerd leaves it out, and the container sees more.
  config.linux.namespaces.push({ type: "cgroup" });
  config.linux.resources.memory = { limit: bytesOf(container.memoryLimit) };
  for (const [name, value] of Object.entries({ ...environmentOf(template, kubelet), ...kubelet.env })) {
    config.process.env.push(`${name}=${value}`);
  }

  for (const { name, mountPath, readOnly, recursiveReadOnly } of container.volumeMounts) {
    const volume = template.volumes.find((candidate) => candidate.name === name);
    const access = recursiveReadOnly !== undefined ? ["ro", "rro"] : [readOnly ? "ro" : "rw"];
    const source = volume?.hostPath?.path ?? writeConfigMap(volume?.configMap?.name, kubelet, join(directory, name));
    config.mounts.push({ type: "bind", source, destination: mountPath, options: ["rbind", "rprivate", ...access] });
  }
  if (kubelet.serviceAccount !== undefined) {
    const source = join(directory, "service-account");
    writeFiles(source, kubelet.serviceAccount);
    config.mounts.push({ type: "bind", source, destination: SERVICE_ACCOUNT, options: ["rbind", "ro"] });
  }
}

function environmentOf({ container }: PodTemplate, kubelet: Kubelet): Record<string, string> {
  const fields: Readonly<Record<string, string>> = {
    "spec.nodeName": kubelet.nodeName,
    "status.hostIP": kubelet.hostIp,
    "metadata.uid": kubelet.podUid,
  };
  const values: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env) {
    const text = value ?? fields[valueFrom?.fieldRef.fieldPath ?? ""];
    if (text === undefined) throw new Error(`Cannot set ${name}: nothing is known of its source`);
    values[name] = text.replace(/\$\((\w+)\)/g, (whole, variable: string) => values[variable] ?? whole);
  }
  return values;
}

function writeConfigMap(name: string | undefined, { configMaps }: Kubelet, directory: string): string {
  const found = configMaps.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`Cannot mount a volume: there is no ConfigMap ${name}`);
  writeFiles(directory, found["data"] as Record<string, string>);
  return directory;
}

function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
}

function bytesOf(quantity: string): number {
  const [, number, unit = ""] = /^(\d+)([KMG]i)$/.exec(quantity) ?? [];
  const factor = UNITS[unit];
  if (factor === undefined) throw new Error(`Cannot limit the memory: needs Ki, Mi or Gi, is ${quantity}`);
  return Number(number) * factor;
}
