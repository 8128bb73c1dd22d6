import { randomUUID } from "node:crypto";
import type { KubernetesObject, ObjectReference } from "../rig/kubernetes-client.ts";

/** Where the lab's objects go: an API server (`KubernetesClient` fits as it is), or memory. */
export interface ObjectStore {
  /** Creates or updates, `status` included; gives the objects as stored, with their UIDs, in the same order. */
  apply(objects: readonly KubernetesObject[]): Promise<KubernetesObject[]>;
  /** Replaces fields of `status` as they are, for what server-side apply cannot say: two addresses of one type. */
  patchStatus(reference: ObjectReference, status: object): Promise<unknown>;
  delete(reference: ObjectReference): Promise<void>;
}

/** Stands in for the API server where there is none: it hands out UIDs. */
export class MemoryStore implements ObjectStore {
  readonly #uids = new Map<string, string>();

  async apply(objects: readonly KubernetesObject[]): Promise<KubernetesObject[]> {
    return objects.map((object) => {
      const key = objectKey(object);
      const uid = this.#uids.get(key) ?? randomUUID();
      this.#uids.set(key, uid);
      return { ...object, metadata: { ...object.metadata, uid } };
    });
  }

  async patchStatus(): Promise<void> {}

  async delete(reference: ObjectReference): Promise<void> {
    this.#uids.delete(objectKey(reference));
  }
}

/** Kind, namespace and name: what an object is until it is deleted. */
export function objectKey({ kind, metadata }: ObjectReference): string {
  return `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
}
