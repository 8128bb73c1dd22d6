import { DecodeError } from "./decode-error.ts";
import type { Interner } from "./interner.ts";
import { type ObjectMeta, readObjectMeta } from "./object-meta.ts";
import type { SlimContainer, SlimPod } from "./objects.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import { type DecodedObject, NO_TEXTS, type Resource } from "./resource.ts";

const LABELS = ["pod-template-hash"];

/** Pods of all namespaces, as `SlimPod`. Field numbers: k8s.io/api core/v1 generated.proto. */
export const pods: Resource<SlimPod> = {
  name: "pods",
  path: "/api/v1/pods",
  decode: decodePod,
  upsert: (sink, pod) => sink.upsertPod(pod),
  delete: (sink, uid) => sink.deletePod(uid),
};

/** What the spec and the status say, until both were read. */
interface PodParts {
  nodeName: string;
  hostNetwork: boolean;
  phase: string;
  isReady: boolean;
  podIP: string;
  ips: string[];
  /** Container name to id, empty until it runs. */
  readonly containers: Map<string, string>;
}

function decodePod(reader: ProtobufReader, interner: Interner): DecodedObject<SlimPod> {
  let meta: ObjectMeta | undefined;
  const parts: PodParts = {
    nodeName: "",
    hostNetwork: false,
    phase: "",
    isReady: false,
    podIP: "",
    ips: [],
    containers: new Map(),
  };
  while (reader.next()) {
    if (reader.field() === 1) meta = readObjectMeta(reader, interner, LABELS);
    else if (reader.field() === 2) readSpec(reader, interner, parts);
    else if (reader.field() === 3) readStatus(reader, interner, parts);
  }
  if (meta === undefined) throw new DecodeError("Cannot decode pod: it has no metadata");
  if (parts.ips.length === 0 && parts.podIP !== "") parts.ips.push(parts.podIP);
  const containers: SlimContainer[] = [];
  for (const [name, id] of parts.containers) containers.push({ name, id });
  const object: SlimPod = {
    uid: meta.uid,
    namespace: meta.namespace,
    name: meta.name,
    nodeName: parts.nodeName,
    hostNetwork: parts.hostNetwork,
    phase: parts.phase,
    isReady: parts.isReady,
    ips: parts.ips.length === 0 ? NO_TEXTS : parts.ips,
    owner: meta.owner,
    podTemplateHash: meta.labels[0] ?? "",
    containers,
  };
  return { resourceVersion: meta.resourceVersion, object };
}

function readSpec(reader: ProtobufReader, interner: Interner, parts: PodParts): void {
  reader.enter();
  while (reader.next()) {
    switch (reader.field()) {
      case 2: // containers
      case 20: // initContainers
        readContainer(reader, interner, parts);
        break;
      case 10:
        parts.nodeName = interner.intern(reader.text());
        break;
      case 11:
        parts.hostNetwork = reader.bool();
        break;
      case 34: // ephemeralContainers, whose field 1 is what other containers have directly
        reader.enter();
        while (reader.next()) if (reader.field() === 1) readContainer(reader, interner, parts);
        reader.leave();
        break;
    }
  }
  reader.leave();
}

function readContainer(reader: ProtobufReader, interner: Interner, parts: PodParts): void {
  reader.enter();
  while (reader.next()) {
    if (reader.field() !== 1) continue;
    const name = interner.intern(reader.text());
    if (!parts.containers.has(name)) parts.containers.set(name, "");
  }
  reader.leave();
}

function readStatus(reader: ProtobufReader, interner: Interner, parts: PodParts): void {
  reader.enter();
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        parts.phase = interner.intern(reader.text());
        break;
      case 2:
        if (isReadyCondition(reader)) parts.isReady = true;
        break;
      case 6:
        parts.podIP = reader.text();
        break;
      case 8: // containerStatuses
      case 10: // initContainerStatuses
      case 13: // ephemeralContainerStatuses
        readContainerStatus(reader, interner, parts);
        break;
      case 12: {
        const ip = readPodIP(reader);
        if (ip !== "") parts.ips.push(ip);
        break;
      }
    }
  }
  reader.leave();
}

function readContainerStatus(reader: ProtobufReader, interner: Interner, parts: PodParts): void {
  let name = "";
  let id = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 1) name = interner.intern(reader.text());
    else if (reader.field() === 8) id = reader.textAfter("://");
  }
  reader.leave();
  parts.containers.set(name, id);
}

/** Whether it is the condition `Ready` with status `True`. */
function isReadyCondition(reader: ProtobufReader): boolean {
  let type = "";
  let status = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 1) type = reader.text();
    else if (reader.field() === 2) status = reader.text();
  }
  reader.leave();
  return type === "Ready" && status === "True";
}

function readPodIP(reader: ProtobufReader): string {
  let ip = "";
  reader.enter();
  while (reader.next()) if (reader.field() === 1) ip = reader.text();
  reader.leave();
  return ip;
}
