import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { meta } from "./api-bytes.ts";
import { bytes, number } from "./protobuf-bytes.ts";

interface Written {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { kind: string; name: string; controller: boolean }[];
  };
  readonly spec?: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly podCIDRs?: readonly string[];
    readonly type?: string;
    readonly clusterIPs?: readonly string[];
    readonly ports?: readonly { protocol: string; port: number; nodePort?: number }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { type: string; status: string }[];
    readonly podIPs?: readonly { ip: string }[];
    readonly containerStatuses?: readonly { name: string; containerID: string }[];
    readonly addresses?: readonly { type: string; address: string }[];
  };
  readonly addressType?: string;
  readonly ports?: readonly { protocol: string; port: number }[];
  readonly endpoints?: readonly { addresses: readonly string[]; targetRef: { kind: string; uid: string } }[];
}

/** An object as the API server writes it in protobuf: of a Pod, Service, EndpointSlice or Node, what the lab's objects say. */
export function objectBytes(object: KubernetesObject): Buffer {
  const written = object as unknown as Written;
  const { kind } = object;
  if (kind === "Pod") return Buffer.concat([metaOf(written), ...podParts(written)]);
  if (kind === "Service") return Buffer.concat([metaOf(written), serviceSpec(written)]);
  if (kind === "EndpointSlice") return Buffer.concat([metaOf(written), ...sliceParts(written)]);
  if (kind === "Node") return Buffer.concat([metaOf(written), ...nodeParts(written)]);
  throw new Error(`Cannot write a ${kind} in protobuf: Pod, Service, EndpointSlice or Node is needed`);
}

function metaOf({ metadata }: Written): Buffer {
  const { name, namespace = "", uid = "", labels = {}, ownerReferences = [] } = metadata;
  return meta({ uid, name, namespace, labels, owners: ownerReferences });
}

function podParts({ spec = {}, status = {} }: Written): Buffer[] {
  const { nodeName = "", hostNetwork = false } = spec;
  const { phase = "", conditions = [], podIPs = [], containerStatuses = [] } = status;
  return [
    bytes(2, [
      ...containerStatuses.map(({ name }) => bytes(2, [bytes(1, name)])),
      bytes(10, nodeName),
      number(11, hostNetwork ? 1 : 0),
    ]),
    bytes(3, [
      bytes(1, phase),
      ...conditions.map(({ type, status }) => bytes(2, [bytes(1, type), bytes(2, status)])),
      ...containerStatuses.map(({ name, containerID }) => bytes(8, [bytes(1, name), bytes(8, containerID)])),
      ...podIPs.map(({ ip }) => bytes(12, [bytes(1, ip)])),
    ]),
  ];
}

function serviceSpec({ spec = {} }: Written): Buffer {
  const { type = "", clusterIPs = [], ports = [] } = spec;
  return bytes(2, [
    ...ports.map(({ protocol, port, nodePort = 0 }) =>
      bytes(1, [bytes(2, protocol), number(3, port), number(5, nodePort)]),
    ),
    bytes(4, type),
    ...clusterIPs.map((ip) => bytes(18, ip)),
  ]);
}

function sliceParts({ addressType = "", ports = [], endpoints = [] }: Written): Buffer[] {
  return [
    ...endpoints.map(({ addresses, targetRef }) =>
      bytes(2, [
        ...addresses.map((address) => bytes(1, address)),
        bytes(4, [bytes(1, targetRef.kind), bytes(4, targetRef.uid)]),
      ]),
    ),
    ...ports.map(({ protocol, port }) => bytes(3, [bytes(2, protocol), number(3, port)])),
    bytes(4, addressType),
  ];
}

function nodeParts({ spec = {}, status = {} }: Written): Buffer[] {
  const { podCIDRs = [] } = spec;
  const { addresses = [] } = status;
  return [
    bytes(
      2,
      podCIDRs.map((cidr) => bytes(7, cidr)),
    ),
    bytes(
      3,
      addresses.map(({ type, address }) => bytes(5, [bytes(1, type), bytes(2, address)])),
    ),
  ];
}
