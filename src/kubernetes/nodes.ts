import { isIP } from "node:net";
import { DecodeError } from "./decode-error.ts";
import type { Interner } from "./interner.ts";
import { keyBytes, type ObjectMeta, readObjectMeta } from "./object-meta.ts";
import type { SlimNode } from "./objects.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { DecodedObject, Resource } from "./resource.ts";

const LABELS = keyBytes(["topology.kubernetes.io/zone", "topology.kubernetes.io/region"]);

/** Nodes, as `SlimNode`. Field numbers: k8s.io/api core/v1 generated.proto. */
export const nodes: Resource<SlimNode> = {
  name: "nodes",
  path: "/api/v1/nodes",
  decode: decodeNode,
  upsert: (sink, node) => sink.upsertNode(node),
  delete: (sink, uid) => sink.deleteNode(uid),
};

function decodeNode(reader: ProtobufReader, interner: Interner): DecodedObject<SlimNode> {
  let meta: ObjectMeta | undefined;
  const podCIDRs: string[] = [];
  const addresses: string[] = [];
  while (reader.next()) {
    if (reader.field() === 1) meta = readObjectMeta(reader, interner, LABELS);
    else if (reader.field() === 2) readSpec(reader, podCIDRs);
    else if (reader.field() === 3) readStatus(reader, addresses);
  }
  if (meta === undefined) throw new DecodeError("Cannot decode node: it has no metadata");
  const [zone = "", region = ""] = meta.labels;
  const object: SlimNode = { uid: meta.uid, name: interner.intern(meta.name), addresses, podCIDRs, zone, region };
  return { resourceVersion: meta.resourceVersion, object };
}

/** `spec.podCIDRs`, or the single `spec.podCIDR` of servers that have no list. */
function readSpec(reader: ProtobufReader, podCIDRs: string[]): void {
  let single = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 1) single = reader.text();
    else if (reader.field() === 7) podCIDRs.push(reader.text());
  }
  reader.leave();
  if (podCIDRs.length === 0 && single !== "") podCIDRs.push(single);
}

/** `status.addresses` that are IP addresses: of type InternalIP and ExternalIP, and host names that are written as one. */
function readStatus(reader: ProtobufReader, addresses: string[]): void {
  reader.enter();
  while (reader.next()) {
    if (reader.field() !== 5) continue;
    let address = "";
    reader.enter();
    while (reader.next()) if (reader.field() === 2) address = reader.text();
    reader.leave();
    if (isIP(address) !== 0 && !addresses.includes(address)) addresses.push(address);
  }
  reader.leave();
}
