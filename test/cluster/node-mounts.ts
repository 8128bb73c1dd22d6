import { mkdir, rmdir } from "node:fs/promises";

/** What a node has of its own, by where its programs look for it. */
export const NODE_DIRECTORIES = [
  "/run/containerd",
  "/run/flannel",
  "/var/lib/cni",
  "/var/lib/containerd",
  "/var/lib/kubelet",
  "/var/log/containers",
  "/var/log/pods",
] as const;

/** The host must have directories there, so that a node's can be mounted over them. */
export async function makeMountPoints(): Promise<void> {
  for (const path of NODE_DIRECTORIES) await mkdir(path, { recursive: true });
}

/** Removes those that are empty. */
export async function removeMountPoints(): Promise<void> {
  for (const path of NODE_DIRECTORIES) await rmdir(path).catch(() => {});
}
