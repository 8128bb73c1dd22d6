import type { OwnerReference, SlimOwner, SlimPod } from "../kubernetes/objects.ts";
import type { PodRecord } from "./directory-entries.ts";

/** What of a pod tells what made it. */
export type PodOrigin = Pick<SlimPod, "owner" | "podTemplateHash" | "rolloutTemplateHash">;

interface OwnerRecord {
  /** Whether the object itself was heard of. */
  known: boolean;
  gone: boolean;
  owner: OwnerReference | undefined;
  /** Its pods, with what is needed to name them anew. */
  readonly pods: Map<PodRecord, PodOrigin>;
}

/** Kinds whose objects may be watched, because they can have an owner of their own. */
const OWNED_KINDS: ReadonlySet<string> = new Set(["Job", "ReplicaSet"]);

/**
 * The owners of what owns pods: a Job's CronJob, a ReplicaSet's Deployment. Pods and owners come on watches of their own, so either may
 * be heard of first.
 */
export class Owners {
  readonly #records = new Map<string, OwnerRecord>();

  get size(): number {
    return this.#records.size;
  }

  /** The owner of an owner; `none` where it has none for sure, undefined where that is not known. */
  ownerOf(uid: string): OwnerReference | "none" | undefined {
    const record = this.#records.get(uid);
    return record?.known === true ? (record.owner ?? "none") : undefined;
  }

  /** Returns the pods that are to be named anew. */
  upsert({ uid, owner }: SlimOwner): Iterable<[PodRecord, PodOrigin]> {
    const record = this.#record(uid);
    const same = record.known && record.owner?.kind === owner?.kind && record.owner?.name === owner?.name;
    record.known = true;
    record.gone = false;
    record.owner = owner;
    return same ? [] : record.pods;
  }

  /** What was known of it stays for as long as it has pods. */
  delete(uid: string): void {
    const record = this.#records.get(uid);
    if (record === undefined) return;
    record.gone = true;
    this.#forget(uid, record);
  }

  /** Remembers whose pod it is; to be called at each news of the pod. */
  adopt(record: PodRecord, { owner, podTemplateHash, rolloutTemplateHash }: PodOrigin): void {
    if (owner === undefined || !OWNED_KINDS.has(owner.kind)) return;
    const { pods } = this.#record(owner.uid);
    const known = pods.get(record);
    const same = known?.owner?.kind === owner.kind && known.owner.name === owner.name;
    if (same && known.podTemplateHash === podTemplateHash && known.rolloutTemplateHash === rolloutTemplateHash) return;
    if (record.ownerUid !== owner.uid) this.leave(record);
    record.ownerUid = owner.uid;
    pods.set(record, { owner, podTemplateHash, rolloutTemplateHash });
  }

  /** The pod is forgotten, or somebody else's. */
  leave(record: PodRecord): void {
    const owner = this.#records.get(record.ownerUid);
    if (owner?.pods.delete(record)) this.#forget(record.ownerUid, owner);
  }

  #record(uid: string): OwnerRecord {
    let record = this.#records.get(uid);
    if (record === undefined) {
      record = { known: false, gone: false, owner: undefined, pods: new Map() };
      this.#records.set(uid, record);
    }
    return record;
  }

  #forget(uid: string, record: OwnerRecord): void {
    if (record.pods.size === 0 && (record.gone || !record.known)) this.#records.delete(uid);
  }
}
