import type {
  ObjectSink,
  SlimEndpointSlice,
  SlimNode,
  SlimOwner,
  SlimPod,
  SlimService,
} from "../../src/kubernetes/objects.ts";

/** Keeps what it is given, and the order of the calls as lines such as `upsert pod UID`. */
export class RecordingSink implements ObjectSink {
  readonly pods = new Map<string, SlimPod>();
  readonly services = new Map<string, SlimService>();
  readonly endpointSlices = new Map<string, SlimEndpointSlice>();
  readonly nodes = new Map<string, SlimNode>();
  readonly owners = new Map<string, SlimOwner>();
  readonly calls: string[] = [];

  upsertPod(pod: SlimPod): void {
    this.calls.push(`upsert pod ${pod.uid}`);
    this.pods.set(pod.uid, pod);
  }

  deletePod(uid: string): void {
    this.calls.push(`delete pod ${uid}`);
    this.pods.delete(uid);
  }

  upsertService(service: SlimService): void {
    this.calls.push(`upsert service ${service.uid}`);
    this.services.set(service.uid, service);
  }

  deleteService(uid: string): void {
    this.calls.push(`delete service ${uid}`);
    this.services.delete(uid);
  }

  upsertEndpointSlice(slice: SlimEndpointSlice): void {
    this.calls.push(`upsert endpoint slice ${slice.uid}`);
    this.endpointSlices.set(slice.uid, slice);
  }

  deleteEndpointSlice(uid: string): void {
    this.calls.push(`delete endpoint slice ${uid}`);
    this.endpointSlices.delete(uid);
  }

  upsertNode(node: SlimNode): void {
    this.calls.push(`upsert node ${node.uid}`);
    this.nodes.set(node.uid, node);
  }

  deleteNode(uid: string): void {
    this.calls.push(`delete node ${uid}`);
    this.nodes.delete(uid);
  }

  upsertOwner(owner: SlimOwner): void {
    this.calls.push(`upsert owner ${owner.uid}`);
    this.owners.set(owner.uid, owner);
  }

  deleteOwner(uid: string): void {
    this.calls.push(`delete owner ${uid}`);
    this.owners.delete(uid);
  }

  podNamed(name: string): SlimPod | undefined {
    return [...this.pods.values()].find((pod) => pod.name === name);
  }
}
