import { DecodeError } from "./decode-error.ts";
import type { Interner } from "./interner.ts";
import { keyBytes, type ObjectMeta, readObjectMeta, readTimeSeconds } from "./object-meta.ts";
import type { ServiceIdentity, SlimContainer, SlimPod } from "./objects.ts";
import { NO_SELECTION, type PodSelection } from "./pod-selection.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import { type DecodedObject, NO_TEXTS, type Resource } from "./resource.ts";

/** The labels that are always read: how a ReplicaSet's pods tell what made it. */
const LABELS = ["pod-template-hash", "rollouts-pod-template-hash"];
const SERVICE_ANNOTATIONS = [
  "resource.opentelemetry.io/service.name",
  "resource.opentelemetry.io/service.namespace",
  "resource.opentelemetry.io/service.instance.id",
];
/** In the order in which they count. */
const SERVICE_LABELS = ["app.kubernetes.io/instance", "app.kubernetes.io/name"];

/** In `containerd://ID`. */
const AFTER_RUNTIME = Buffer.from("://");
const READY = Buffer.from("Ready");
const TRUE = Buffer.from("True");

/** Pods of all namespaces, as `SlimPod` without a selection. */
export const pods = podsWith(NO_SELECTION);

/** Pods of all namespaces, as `SlimPod`. Field numbers: k8s.io/api core/v1 generated.proto. */
export function podsWith(selection: PodSelection): Resource<SlimPod> {
  const keys: PodKeys = {
    serviceLabels: selection.serviceLabels,
    labels: keyBytes([...LABELS, ...(selection.serviceLabels ? SERVICE_LABELS : []), ...selection.labels]),
    annotations: keyBytes([...SERVICE_ANNOTATIONS, ...selection.annotations]),
  };
  return {
    name: "pods",
    path: "/api/v1/pods",
    decode: (reader, interner) => decodePod(reader, interner, keys),
    upsert: (sink, pod) => sink.upsertPod(pod),
    delete: (sink, uid) => sink.deletePod(uid),
  };
}

/** What is read of a pod's metadata, Weir's own keys before the selected ones. */
interface PodKeys {
  readonly serviceLabels: boolean;
  readonly labels: readonly Buffer[];
  readonly annotations: readonly Buffer[];
}

/** What the spec and the status say, until both were read. */
interface PodParts {
  nodeName: string;
  hostNetwork: boolean;
  phase: string;
  isReady: boolean;
  podIP: string;
  ips: string[];
  startedSeconds: number;
  /** 0 until one is found. */
  runningSeconds: number;
  ended: number;
  statuses: number;
  /** Container name to id, empty until it runs. */
  readonly containers: Map<string, string>;
}

function decodePod(reader: ProtobufReader, interner: Interner, keys: PodKeys): DecodedObject<SlimPod> {
  let meta: ObjectMeta | undefined;
  const parts: PodParts = {
    nodeName: "",
    hostNetwork: false,
    phase: "",
    isReady: false,
    podIP: "",
    ips: [],
    startedSeconds: 0,
    runningSeconds: 0,
    ended: 0,
    statuses: 0,
    containers: new Map(),
  };
  while (reader.next()) {
    if (reader.field() === 1) meta = readObjectMeta(reader, interner, keys.labels, keys.annotations);
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
    deleting: meta.deleting,
    terminated: parts.statuses > 0 && parts.ended === parts.statuses,
    startedSeconds: parts.startedSeconds,
    runningSeconds: parts.runningSeconds,
    ips: parts.ips.length === 0 ? NO_TEXTS : parts.ips,
    owner: meta.owner,
    podTemplateHash: meta.labels[0] ?? "",
    rolloutTemplateHash: meta.labels[1] ?? "",
    service: serviceOf(meta, keys),
    chosen: chosenOf(meta, keys),
    containers,
  };
  return { resourceVersion: meta.resourceVersion, object };
}

function serviceOf({ annotations, labels }: ObjectMeta, keys: PodKeys): ServiceIdentity | undefined {
  const [annotated = "", namespace = "", instanceId = ""] = annotations;
  const [byInstance = "", byName = ""] = keys.serviceLabels ? labels.slice(LABELS.length) : NO_TEXTS;
  const name = annotated || byInstance || byName;
  return name === "" && namespace === "" && instanceId === "" ? undefined : { name, namespace, instanceId };
}

function chosenOf({ annotations, labels }: ObjectMeta, keys: PodKeys): readonly string[] {
  const ownLabels = LABELS.length + (keys.serviceLabels ? SERVICE_LABELS.length : 0);
  if (labels.length === ownLabels && annotations.length === SERVICE_ANNOTATIONS.length) return NO_TEXTS;
  return [...labels.slice(ownLabels), ...annotations.slice(SERVICE_ANNOTATIONS.length)];
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
      case 7:
        parts.startedSeconds = readTimeSeconds(reader);
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
  parts.statuses += 1;
  reader.enter();
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        name = interner.intern(reader.text());
        break;
      case 2: // state
        if (readContainerState(reader, parts)) parts.ended += 1;
        break;
      case 3: // lastState
        readContainerState(reader, parts);
        break;
      case 8:
        id = reader.textAfter(AFTER_RUNTIME);
        break;
    }
  }
  reader.leave();
  parts.containers.set(name, id);
}

/** Whether it is the condition `Ready` with status `True`. */
function isReadyCondition(reader: ProtobufReader): boolean {
  let ofReadiness = false;
  let isTrue = false;
  reader.enter();
  while (reader.next()) {
    if (reader.field() === 1) ofReadiness = reader.is(READY);
    else if (reader.field() === 2) isTrue = reader.is(TRUE);
  }
  reader.leave();
  return ofReadiness && isTrue;
}

/** Takes the container's start into account; returns whether it has ended. */
function readContainerState(reader: ProtobufReader, parts: PodParts): boolean {
  let ended = false;
  reader.enter();
  while (reader.next()) {
    const state = reader.field(); // 2: running, 3: terminated
    if (state !== 2 && state !== 3) continue;
    ended = state === 3;
    const startedAt = state === 2 ? 1 : 5;
    reader.enter();
    while (reader.next()) {
      const seconds = reader.field() === startedAt ? readTimeSeconds(reader) : 0;
      if (seconds > 0 && (parts.runningSeconds === 0 || seconds < parts.runningSeconds)) parts.runningSeconds = seconds;
    }
    reader.leave();
  }
  reader.leave();
  return ended;
}

function readPodIP(reader: ProtobufReader): string {
  let ip = "";
  reader.enter();
  while (reader.next()) if (reader.field() === 1) ip = reader.text();
  reader.leave();
  return ip;
}
