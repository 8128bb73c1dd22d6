import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Cluster } from "./cluster.ts";
import type { Image } from "./images.ts";

const PROJECT = join(import.meta.dirname, "../..");
const BASE = join(PROJECT, "deploy/kustomize/base");
/** As in the DaemonSet of `deploy/kustomize/base`. */
export const METRICS_PORT = 9464;

/** The image that `npm run image` made. */
export function agentImage(): Image {
  const archive = join(PROJECT, "dist/weir-image.tar");
  if (!existsSync(archive)) throw new Error(`Cannot run agents: there is no ${archive}; make it with npm run image`);
  const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string };
  return { name: `localhost/weir:${version}`, archive };
}

/**
 * Runs an agent on every node, as deploy/kustomize/base has it, with settings added as variables; gives the addresses of their
 * metrics when all are ready. `directory` is for the overlay.
 */
export async function startAgents(
  cluster: Cluster,
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const variables = Object.entries(env).map(([name, value]) => ({ name, value }));
  const containers = [{ name: "weir", imagePullPolicy: "Never", env: variables, ...cluster.pace.probes }];
  const patch = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "weir", namespace: "weir" },
    // They are the cluster's first pods, and all are wanted at once.
    spec: { template: { spec: { containers } } },
  };
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [relative(directory, BASE)],
    patches: [{ patch: JSON.stringify(patch) }],
  };
  // JSON is YAML.
  await writeFile(join(directory, "kustomization.yaml"), JSON.stringify(kustomization, null, 2));
  await cluster.applyKustomization(directory, "weir");
  return cluster.nodes.map(({ address }) => `${address}:${METRICS_PORT}`);
}
