import { DecodeError } from "./decode-error.ts";
import type { Interner } from "./interner.ts";
import { type ObjectMeta, readObjectMeta } from "./object-meta.ts";
import type { SlimService, SlimServicePort } from "./objects.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import { type DecodedObject, NO_TEXTS, type Resource } from "./resource.ts";

/** Services of all namespaces, as `SlimService`. Field numbers: k8s.io/api core/v1 generated.proto. */
export const services: Resource<SlimService> = {
  name: "services",
  path: "/api/v1/services",
  decode: decodeService,
  upsert: (sink, service) => sink.upsertService(service),
  delete: (sink, uid) => sink.deleteService(uid),
};

interface ServiceParts {
  type: string;
  clusterIP: string;
  readonly clusterIPs: string[];
  readonly externalIPs: string[];
  readonly loadBalancerIPs: string[];
  readonly ports: SlimServicePort[];
}

function decodeService(reader: ProtobufReader, interner: Interner): DecodedObject<SlimService> {
  let meta: ObjectMeta | undefined;
  const parts: ServiceParts = {
    type: "",
    clusterIP: "",
    clusterIPs: [],
    externalIPs: [],
    loadBalancerIPs: [],
    ports: [],
  };
  while (reader.next()) {
    if (reader.field() === 1) meta = readObjectMeta(reader, interner);
    else if (reader.field() === 2) readSpec(reader, interner, parts);
    else if (reader.field() === 3) readStatus(reader, parts);
  }
  if (meta === undefined) throw new DecodeError("Cannot decode service: it has no metadata");
  // Servers before dual stack fill the single field only.
  if (parts.clusterIPs.length === 0) parts.clusterIPs.push(parts.clusterIP);
  const clusterIPs = parts.clusterIPs.filter((ip) => ip !== "" && ip !== "None");
  const object: SlimService = {
    uid: meta.uid,
    namespace: meta.namespace,
    name: meta.name,
    type: parts.type,
    clusterIPs: clusterIPs.length === 0 ? NO_TEXTS : clusterIPs,
    externalIPs: parts.externalIPs.length === 0 ? NO_TEXTS : parts.externalIPs,
    loadBalancerIPs: parts.loadBalancerIPs.length === 0 ? NO_TEXTS : parts.loadBalancerIPs,
    ports: parts.ports,
  };
  return { resourceVersion: meta.resourceVersion, object };
}

function readSpec(reader: ProtobufReader, interner: Interner, parts: ServiceParts): void {
  reader.enter();
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        parts.ports.push(readPort(reader, interner));
        break;
      case 3:
        parts.clusterIP = reader.text();
        break;
      case 4:
        parts.type = interner.intern(reader.text());
        break;
      case 5:
        parts.externalIPs.push(reader.text());
        break;
      case 18:
        parts.clusterIPs.push(reader.text());
        break;
    }
  }
  reader.leave();
}

function readPort(reader: ProtobufReader, interner: Interner): SlimServicePort {
  let protocol = "TCP";
  let port = 0;
  let nodePort = 0;
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 2) protocol = interner.intern(reader.text());
    else if (reader.field() === 3) port = reader.int32();
    else if (reader.field() === 5) nodePort = reader.int32();
  }
  reader.leave();
  return { protocol, port, nodePort };
}

/** `status.loadBalancer.ingress[].ip`. */
function readStatus(reader: ProtobufReader, parts: ServiceParts): void {
  reader.enter();
  while (reader.next()) {
    if (reader.field() !== 1) continue;
    reader.enter();
    while (reader.next()) {
      if (reader.field() !== 1) continue;
      reader.enter();
      while (reader.next()) {
        const ip = reader.field() === 1 ? reader.text() : "";
        if (ip !== "") parts.loadBalancerIPs.push(ip);
      }
      reader.leave();
    }
    reader.leave();
  }
  reader.leave();
}
