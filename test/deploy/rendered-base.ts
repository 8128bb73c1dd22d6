import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { toolPath } from "../rig/tools.ts";

/** The kustomization that `kubectl apply -k` takes. */
export const BASE = join(import.meta.dirname, "../../deploy/kustomize/base");

/** The objects of deploy/kustomize/base, as kustomize makes them. */
export async function renderedBase(): Promise<KubernetesObject[]> {
  const kubectl = await toolPath("kubernetes", "kubectl");
  const { stdout } = await promisify(execFile)(kubectl, ["kustomize", BASE]);
  return parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject);
}

/** The one object of a kind. */
export function onlyOne(objects: readonly KubernetesObject[], kind: string): KubernetesObject {
  const [found, ...more] = objects.filter((object) => object.kind === kind);
  if (found === undefined || more.length > 0) throw new Error(`Cannot find the one ${kind}: there are ${more.length}`);
  return found;
}
