import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../../src/kubernetes/decode-error.ts";
import { endpointSlices } from "../../src/kubernetes/endpoint-slices.ts";
import { Interner } from "../../src/kubernetes/interner.ts";
import { nodes } from "../../src/kubernetes/nodes.ts";
import { NO_SELECTION, type PodSelection } from "../../src/kubernetes/pod-selection.ts";
import { pods, podsWith } from "../../src/kubernetes/pods.ts";
import { ProtobufReader } from "../../src/kubernetes/protobuf-reader.ts";
import { services } from "../../src/kubernetes/services.ts";
import { meta, pod } from "./api-bytes.ts";
import { bytes, number } from "./protobuf-bytes.ts";

const reader = new ProtobufReader();
const ID = "5f".repeat(32);

test("pods.decode() keeps identity, addresses, controlling owner and containers, whatever the order of fields", () => {
  const metadata = meta({
    uid: "u-1",
    resourceVersion: 42,
    name: "web-abc-xyz",
    namespace: "shop",
    labels: { app: "web", "pod-template-hash": "abc" },
    annotations: { long: "x".repeat(100_000) },
    owners: [
      { kind: "Other", name: "no-controller", controller: false },
      { kind: "ReplicaSet", name: "web-abc", controller: true },
    ],
  });
  const spec = bytes(2, [
    bytes(1, [bytes(1, "volume")]),
    bytes(2, [bytes(1, "web"), bytes(2, "image")]),
    bytes(2, [bytes(1, "sidecar")]),
    bytes(7, [bytes(1, "selector"), bytes(2, "x")]),
    bytes(10, "node-1"),
    number(11, 1),
    bytes(20, [bytes(1, "init")]),
    bytes(34, [bytes(1, [bytes(1, "debug")]), bytes(2, "web")]),
  ]);
  const status = bytes(3, [
    bytes(1, "Running"),
    bytes(6, "10.1.0.7"),
    bytes(2, [bytes(1, "Ready"), bytes(2, "True"), bytes(3, [])]),
    bytes(2, [bytes(1, "ContainersReady"), bytes(2, "False")]),
    bytes(7, [number(1, 1_790_000_003)]),
    bytes(8, [
      bytes(1, "web"),
      bytes(2, [bytes(2, [bytes(1, [number(1, 1_790_000_009)])])]),
      bytes(3, [bytes(3, [number(1, 1), bytes(5, [number(1, 1_790_000_007)]), bytes(6, [number(1, 1_790_000_008)])])]),
      bytes(8, `containerd://${ID}`),
    ]),
    bytes(10, [
      bytes(1, "init"),
      bytes(2, [bytes(3, [bytes(5, [number(1, 1_790_000_005)])])]),
      bytes(8, `cri-o://${ID}`),
    ]),
    bytes(12, [bytes(1, "10.1.0.7")]),
    bytes(12, [bytes(1, "fd00::7")]),
    bytes(13, [bytes(1, "debug"), bytes(8, "")]),
  ]);
  for (const parts of [
    [metadata, spec, status],
    [status, spec, metadata],
  ]) {
    const { object, resourceVersion } = pods.decode(reader.open(Buffer.concat(parts)), new Interner());
    assert.equal(resourceVersion, "42");
    const { containers, ...rest } = object;
    assert.deepEqual(rest, {
      uid: "u-1",
      namespace: "shop",
      name: "web-abc-xyz",
      nodeName: "node-1",
      hostNetwork: true,
      phase: "Running",
      isReady: true,
      deleting: false,
      terminated: false,
      startedSeconds: 1_790_000_003,
      runningSeconds: 1_790_000_005,
      ips: ["10.1.0.7", "fd00::7"],
      owner: { kind: "ReplicaSet", name: "web-abc", uid: "u" },
      podTemplateHash: "abc",
      rolloutTemplateHash: "",
      service: undefined,
      chosen: [],
    });
    assert.deepEqual(
      [...containers].sort((a, b) => a.name.localeCompare(b.name)),
      [
        { name: "debug", id: "" },
        { name: "init", id: ID },
        { name: "sidecar", id: "" },
        { name: "web", id: ID },
      ],
    );
  }
});

test("pods.decode() takes a pod for ready by its condition alone", () => {
  const isReady = (type: string, state: string) => {
    const object = Buffer.concat([meta({ uid: "u" }), bytes(3, [bytes(2, [bytes(1, type), bytes(2, state)])])]);
    return pods.decode(reader.open(object), new Interner()).object.isReady;
  };
  assert.equal(isReady("Ready", "True"), true);
  assert.equal(isReady("Ready", "False"), false);
  assert.equal(isReady("Ready", "Unknown"), false);
  assert.equal(isReady("ContainersReady", "True"), false);
});

test("pods.decode() takes podIP where a server has no podIPs, and nothing from a pending pod", () => {
  const old = Buffer.concat([meta({ uid: "u" }), bytes(3, [bytes(6, "10.0.0.1")])]);
  assert.deepEqual(pods.decode(reader.open(old), new Interner()).object.ips, ["10.0.0.1"]);
  const pending = Buffer.concat([meta({ uid: "u" }), bytes(3, [bytes(1, "Pending"), bytes(6, "")])]);
  const { object } = pods.decode(reader.open(pending), new Interner());
  assert.deepEqual([object.ips, object.containers, object.owner, object.nodeName], [[], [], undefined, ""]);
});

test("pods.decode() tells that a pod is being deleted, and that its containers have ended", () => {
  const ended = bytes(2, [bytes(3, [bytes(5, [number(1, 7)])])]);
  const running = bytes(2, [bytes(2, [bytes(1, [number(1, 8)])])]);
  const deletion = bytes(9, [number(1, 1_790_000_000)]);
  const decode = (...states: readonly Buffer[]) => {
    const statuses = states.map((state, index) => bytes(8, [bytes(1, `c${index}`), state]));
    const object = Buffer.concat([bytes(1, [bytes(5, "u"), deletion]), bytes(3, statuses)]);
    const { deleting, terminated, runningSeconds } = pods.decode(reader.open(object), new Interner()).object;
    return { deleting, terminated, runningSeconds };
  };
  assert.deepEqual(decode(ended, ended), { deleting: true, terminated: true, runningSeconds: 7 });
  assert.deepEqual(decode(ended, running), { deleting: true, terminated: false, runningSeconds: 7 });
  assert.deepEqual(decode(bytes(2, [])), { deleting: true, terminated: false, runningSeconds: 0 });
  assert.deepEqual(decode(), { deleting: true, terminated: false, runningSeconds: 0 });
});

test("podsWith() keeps what was chosen, in its order, and how a pod names its service", () => {
  const labels = { team: "red", "app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "web-1" };
  const name = "resource.opentelemetry.io/service.name";
  const namespace = "resource.opentelemetry.io/service.namespace";
  const decode = (selection: PodSelection, annotations: Readonly<Record<string, string>>) => {
    const { chosen, service } = podsWith(selection).decode(
      reader.open(meta({ uid: "u", labels, annotations })),
      new Interner(),
    ).object;
    return { chosen, service };
  };
  const selection = { labels: ["tier", "team"], annotations: ["owner"], serviceLabels: false };
  assert.deepEqual(decode(selection, { owner: "x".repeat(300) }), {
    chosen: ["", "red", "x".repeat(300)],
    service: undefined,
  });
  assert.deepEqual(decode({ ...selection, serviceLabels: true }, { owner: "me" }), {
    chosen: ["", "red", "me"],
    service: { name: "web-1", namespace: "", instanceId: "" },
  });
  assert.deepEqual(decode({ ...NO_SELECTION, serviceLabels: true }, { [name]: "shop", [namespace]: "retail" }), {
    chosen: [],
    service: { name: "shop", namespace: "retail", instanceId: "" },
  });
});

test("decode() gives equal namespaces and nodes one string of all objects", () => {
  const interner = new Interner(2);
  const one = interner.intern(Buffer.from("namespace").toString());
  assert.equal(interner.intern(Buffer.from("namespace").toString()), one);
  for (const text of ["a", "b", "c", "namespace"]) assert.equal(interner.intern(text), text);
});

test("services.decode() keeps addresses of every kind and ports", () => {
  const service = Buffer.concat([
    meta({ uid: "s-1", resourceVersion: 7, name: "web", namespace: "shop" }),
    bytes(2, [
      bytes(1, [
        bytes(1, "http"),
        bytes(2, "TCP"),
        number(3, 80),
        bytes(4, [number(1, 0), number(2, 8080)]),
        number(5, 30_080),
      ]),
      bytes(1, [bytes(2, "UDP"), number(3, 53), number(5, 0)]),
      bytes(3, "10.96.0.7"),
      bytes(4, "LoadBalancer"),
      bytes(5, "192.0.2.9"),
      bytes(18, "10.96.0.7"),
      bytes(18, "fd00:10:96::7"),
    ]),
    bytes(3, [bytes(1, [bytes(1, [bytes(1, "198.51.100.7")]), bytes(1, [bytes(1, ""), bytes(2, "lb.example.net")])])]),
  ]);
  assert.deepEqual(services.decode(reader.open(service), new Interner()), {
    resourceVersion: "7",
    object: {
      uid: "s-1",
      namespace: "shop",
      name: "web",
      type: "LoadBalancer",
      clusterIPs: ["10.96.0.7", "fd00:10:96::7"],
      externalIPs: ["192.0.2.9"],
      loadBalancerIPs: ["198.51.100.7"],
      ports: [
        { protocol: "TCP", port: 80, nodePort: 30_080 },
        { protocol: "UDP", port: 53, nodePort: 0 },
      ],
    },
  });
});

test("services.decode() leaves None out, and takes clusterIP where a server has no clusterIPs", () => {
  const headless = Buffer.concat([meta({ uid: "s" }), bytes(2, [bytes(3, "None"), bytes(18, "None")])]);
  assert.deepEqual(services.decode(reader.open(headless), new Interner()).object.clusterIPs, []);
  const old = Buffer.concat([meta({ uid: "s" }), bytes(2, [bytes(3, "10.96.0.1")])]);
  assert.deepEqual(services.decode(reader.open(old), new Interner()).object.clusterIPs, ["10.96.0.1"]);
});

test("nodes.decode() keeps IP addresses, pod ranges, zone and region", () => {
  const node = Buffer.concat([
    meta({
      uid: "n-1",
      resourceVersion: 9,
      name: "node-1",
      labels: { "topology.kubernetes.io/zone": "z-1", "topology.kubernetes.io/region": "r-1", other: "x" },
    }),
    bytes(2, [bytes(1, "10.1.0.0/24"), bytes(7, "10.1.0.0/24"), bytes(7, "fd00:1::/64")]),
    bytes(3, [
      bytes(1, [bytes(1, "cpu"), bytes(2, [bytes(1, "2")])]),
      bytes(5, [bytes(1, "Hostname"), bytes(2, "node-1")]),
      bytes(5, [bytes(1, "InternalDNS"), bytes(2, "node-1.example.net")]),
      bytes(5, [bytes(1, "InternalIP"), bytes(2, "192.0.2.1")]),
      bytes(5, [bytes(1, "ExternalIP"), bytes(2, "198.51.100.1")]),
      bytes(5, [bytes(1, "Hostname"), bytes(2, "192.0.2.1")]),
      bytes(5, [bytes(1, "Hostname"), bytes(2, "fd00::1")]),
    ]),
  ]);
  assert.deepEqual(nodes.decode(reader.open(node), new Interner()), {
    resourceVersion: "9",
    object: {
      uid: "n-1",
      name: "node-1",
      addresses: ["192.0.2.1", "198.51.100.1", "fd00::1"],
      podCIDRs: ["10.1.0.0/24", "fd00:1::/64"],
      zone: "z-1",
      region: "r-1",
    },
  });
});

test("endpointSlices.decode() keeps the Service, addresses with their pods, and ports", () => {
  const reference = (kind: string, uid: string) => bytes(4, [bytes(1, kind), bytes(3, "name"), bytes(4, uid)]);
  const slice = (addressType: string) =>
    Buffer.concat([
      meta({
        uid: "e-1",
        resourceVersion: 11,
        name: "web-x7k",
        namespace: "shop",
        labels: { "kubernetes.io/service-name": "web", other: "x" },
      }),
      bytes(2, [bytes(1, "10.1.0.5"), bytes(2, [number(1, 1)]), reference("Pod", "p-1"), bytes(6, "node-1")]),
      bytes(2, [bytes(1, "10.9.9.9"), bytes(1, "10.9.9.10")]),
      bytes(2, [reference("Node", "n-1"), bytes(1, "192.0.2.1")]),
      bytes(3, [bytes(1, "http"), bytes(2, "TCP"), number(3, 8080)]),
      bytes(3, [bytes(1, "dns"), bytes(2, "UDP"), number(3, 53)]),
      bytes(3, [bytes(1, "every port")]),
      bytes(4, addressType),
    ]);
  const { object, resourceVersion } = endpointSlices.decode(reader.open(slice("IPv4")), new Interner());
  assert.equal(resourceVersion, "11");
  assert.deepEqual(object, {
    uid: "e-1",
    namespace: "shop",
    serviceName: "web",
    backends: [
      { address: "10.1.0.5", podUid: "p-1" },
      { address: "10.9.9.9", podUid: "" },
      { address: "10.9.9.10", podUid: "" },
      { address: "192.0.2.1", podUid: "" },
    ],
    ports: [
      { protocol: "TCP", port: 8080 },
      { protocol: "UDP", port: 53 },
    ],
  });
  assert.deepEqual(endpointSlices.decode(reader.open(slice("FQDN")), new Interner()).object.backends, []);
});

test("decode() refuses objects without metadata or uid, and fields of another type", () => {
  for (const resource of [pods, services, nodes, endpointSlices]) {
    assert.throws(() => resource.decode(reader.open(bytes(2, [])), new Interner()), /it has no metadata/);
    assert.throws(() => resource.decode(reader.open(meta({ uid: "" })), new Interner()), /it has no uid/);
    assert.throws(() => resource.decode(reader.open(number(1, 1)), new Interner()), DecodeError);
  }
  assert.ok(pods.decode(reader.open(pod({ uid: "fine" })), new Interner()));
});
