import type { Interner } from "./interner.ts";
import { readIdentity } from "./object-meta.ts";
import type { SlimOwner } from "./objects.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { DecodedObject, Resource } from "./resource.ts";

/** Jobs of all namespaces, as `SlimOwner`: which CronJob made them. */
export const jobs = ownersAt("jobs", "/apis/batch/v1/jobs");

/** ReplicaSets of all namespaces, as `SlimOwner`. Their Deployments keep ten old ones each by default, so they are many. */
export const replicaSets = ownersAt("replicasets", "/apis/apps/v1/replicasets");

/** Only metadata is asked for: as PartialObjectMetadata, whose field 1 it is, as in the whole object. */
function ownersAt(name: string, path: string): Resource<SlimOwner> {
  return {
    name,
    path,
    metadataOnly: true,
    decode: decodeOwner,
    upsert: (sink, owner) => sink.upsertOwner(owner),
    delete: (sink, uid) => sink.deleteOwner(uid),
  };
}

function decodeOwner(reader: ProtobufReader, interner: Interner): DecodedObject<SlimOwner> {
  const { uid, owner, resourceVersion } = readIdentity(reader, interner);
  return { resourceVersion, object: { uid: interner.intern(uid), owner } };
}
