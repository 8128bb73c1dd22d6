import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import type { TestContext } from "node:test";
import { cgroupMount } from "../lab/cgroup-tree.ts";
import type { KubernetesClient, KubernetesObject } from "../rig/kubernetes-client.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { NamedPlace } from "./named-place.ts";

export interface PodOptions {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The controlling owner; need not exist, unless it has a UID. */
  readonly owner?: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid?: string };
}

/**
 * Writes a pod to the API server and makes its cgroup, as a kubelet does: what runs in the place is that pod's. It shares
 * the host's network, so that nothing but the cgroup tells whose a socket is.
 */
export async function podPlace(t: TestContext, client: KubernetesClient, options: PodOptions): Promise<NamedPlace> {
  const { namespace, name, labels = {}, annotations = {}, owner } = options;
  const owners = owner && [{ uid: randomBytes(16).toString("hex"), ...owner, controller: true }];
  const pod: KubernetesObject = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels, annotations, ...(owners && { ownerReferences: owners }) },
    spec: { nodeName: "n1", hostNetwork: true, containers: [{ name: "main", image: "none" }] },
    status: { phase: "Running", podIP: "192.0.2.1", podIPs: [{ ip: "192.0.2.1" }] },
  };
  const [stored] = await client
    .apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, pod])
    .then((objects) => objects.filter(({ kind }) => kind === "Pod"));
  if (stored === undefined) throw new Error(`Cannot find pod ${namespace}/${name} after writing it`);
  return new NamedPlace(t, undefined, await cgroupDirectory(t, `pod${stored.metadata.uid}`));
}

/** A directory of the cgroup v2 hierarchy; goes with the test. */
export async function cgroupDirectory(t: TestContext, name: string | Buffer): Promise<Buffer> {
  const path = Buffer.concat([Buffer.from(`${await cgroupMount()}/`), Buffer.from(name)]);
  mkdirSync(path);
  const removed = () => {
    for (const pid of readFileSync(Buffer.concat([path, Buffer.from("/cgroup.procs")]), "utf8").match(/\d+/g) ?? []) {
      process.kill(Number(pid), "SIGKILL");
    }
    rmdirSync(path); // once the last of them has left
    return true;
  };
  t.after(() => waitUntil(removed, { what: "the cgroup to be empty" }));
  return path;
}
