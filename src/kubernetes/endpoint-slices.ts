import { DecodeError } from "./decode-error.ts";
import type { Interner } from "./interner.ts";
import { keyBytes, type ObjectMeta, readObjectMeta } from "./object-meta.ts";
import type { SlimBackend, SlimBackendPort, SlimEndpointSlice } from "./objects.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { DecodedObject, Resource } from "./resource.ts";

const LABELS = keyBytes(["kubernetes.io/service-name"]);

/** EndpointSlices of all namespaces, as `SlimEndpointSlice`. Field numbers: k8s.io/api discovery/v1 generated.proto. */
export const endpointSlices: Resource<SlimEndpointSlice> = {
  name: "endpointslices",
  path: "/apis/discovery.k8s.io/v1/endpointslices",
  decode: decodeEndpointSlice,
  upsert: (sink, slice) => sink.upsertEndpointSlice(slice),
  delete: (sink, uid) => sink.deleteEndpointSlice(uid),
};

const NO_BACKENDS: readonly SlimBackend[] = Object.freeze([]);

function decodeEndpointSlice(reader: ProtobufReader, interner: Interner): DecodedObject<SlimEndpointSlice> {
  let meta: ObjectMeta | undefined;
  let addressType = "";
  const backends: SlimBackend[] = [];
  const ports: SlimBackendPort[] = [];
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        meta = readObjectMeta(reader, interner, LABELS);
        break;
      case 2:
        readEndpoint(reader, interner, backends);
        break;
      case 3: {
        const port = readPort(reader, interner);
        if (port.port !== 0) ports.push(port);
        break;
      }
      case 4:
        addressType = reader.text();
        break;
    }
  }
  if (meta === undefined) throw new DecodeError("Cannot decode endpoint slice: it has no metadata");
  const [serviceName = ""] = meta.labels;
  // A slice of names (FQDN) holds no addresses; kube-proxy does nothing with it either.
  const hasAddresses = addressType === "IPv4" || addressType === "IPv6";
  const object: SlimEndpointSlice = {
    uid: meta.uid,
    namespace: meta.namespace,
    serviceName,
    backends: hasAddresses ? backends : NO_BACKENDS,
    ports,
  };
  return { resourceVersion: meta.resourceVersion, object };
}

/** Adds one backend for each address of the endpoint. */
function readEndpoint(reader: ProtobufReader, interner: Interner, backends: SlimBackend[]): void {
  const addresses: string[] = [];
  let podUid = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 1) addresses.push(reader.text());
    else if (reader.field() === 4) podUid = readPodUid(reader, interner);
  }
  reader.leave();
  for (const address of addresses) backends.push({ address, podUid });
}

/** The UID in an ObjectReference, empty where it is no pod's. */
function readPodUid(reader: ProtobufReader, interner: Interner): string {
  let kind = "";
  let uid = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 1) kind = reader.text();
    else if (reader.field() === 4) uid = interner.intern(reader.text());
  }
  reader.leave();
  return kind === "Pod" ? uid : "";
}

/** A port without a number stands for all of them, which is nothing to look up: 0. */
function readPort(reader: ProtobufReader, interner: Interner): SlimBackendPort {
  let protocol = "TCP";
  let port = 0;
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 2) protocol = interner.intern(reader.text());
    else if (reader.field() === 3) port = reader.int32();
  }
  reader.leave();
  return { protocol, port };
}
