import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { Directory, type DirectoryOptions } from "../../src/identity/directory.ts";
import { Interner } from "../../src/identity/interner.ts";
import { address } from "./address.ts";
import { deploymentPod, endpointSlice, node, pod, service } from "./pod-fixture.ts";

const START_MS = 1_700_000_000_000;

/** A directory whose clock the test turns. */
function directoryAt(options: Partial<DirectoryOptions> = {}) {
  const time = { nowMs: START_MS };
  const version = new AnswerVersion();
  const directory = new Directory({ clock: () => time.nowMs, version, interner: new Interner(), ...options });
  const uidAt = (text: string, unixMs = time.nowMs) => directory.podAt(address(text), unixMs)?.uid;
  const serviceAt = (text: string, port: number, unixMs = time.nowMs) =>
    directory.serviceAt(address(text), port, unixMs)?.ref.name;
  /** How much the version grows by what is done. */
  const growth = (change: () => void) => {
    const before = version.value;
    change();
    return version.value - before;
  };
  return { time, version, directory, uidAt, serviceAt, growth };
}

test("Directory.podAt() finds a pod by each of its addresses", () => {
  const { directory, uidAt } = directoryAt();
  directory.upsertPod(deploymentPod("web", { uid: "a", ips: ["10.1.0.5", "fd00::5"] }));
  assert.equal(uidAt("10.1.0.5"), "a");
  assert.equal(uidAt("fd00::5"), "a");
  assert.equal(uidAt("10.1.0.6"), undefined);
  assert.deepEqual(directory.podByUid("a")?.endpoint, { kind: "Deployment", namespace: "shop", workload: "web" });
});

test("Directory.podAt() keeps the old pod for times before its deletion", () => {
  const { time, directory, uidAt } = directoryAt();
  directory.upsertPod(pod({ uid: "old", ips: ["10.1.0.5"] }));
  directory.listed();
  time.nowMs += 60_000;
  directory.deletePod("old");
  time.nowMs += 500;
  directory.upsertPod(pod({ uid: "new", ips: ["10.1.0.5"] }));
  assert.equal(uidAt("10.1.0.5", START_MS), "old");
  assert.equal(uidAt("10.1.0.5", START_MS + 59_999), "old");
  assert.equal(uidAt("10.1.0.5", START_MS + 60_099), "old", "one that was deleted by force may still be ending");
  assert.equal(uidAt("10.1.0.5", START_MS + 60_100), undefined);
  assert.equal(uidAt("10.1.0.5", START_MS + 60_499), undefined, "there was no new pod yet");
  assert.equal(uidAt("10.1.0.5"), "new");
});

test("Directory.deletePod() that comes late never evicts the address's next owner", () => {
  const { time, directory, uidAt } = directoryAt();
  directory.upsertPod(pod({ uid: "old", ips: ["10.1.0.5"] }));
  time.nowMs += 60_000;
  directory.upsertPod(pod({ uid: "new", ips: ["10.1.0.5"] }));
  time.nowMs += 1000;
  directory.upsertPod(pod({ uid: "old", ips: ["10.1.0.5"], phase: "Running" }));
  assert.equal(uidAt("10.1.0.5"), "new", "old news");
  directory.deletePod("old");
  assert.equal(uidAt("10.1.0.5"), "new", "late delete");
  directory.upsertPod(pod({ uid: "old", ips: ["10.1.0.5"] }));
  assert.equal(uidAt("10.1.0.5"), "new", "news of a deleted pod");
  assert.equal(uidAt("10.1.0.5", START_MS + 59_999), "old");
  directory.deletePod("new");
  assert.equal(uidAt("10.1.0.5", time.nowMs + 100), undefined);
});

test("Directory gives an address back to a pod that only the order of a list passed over", () => {
  const { time, directory, uidAt } = directoryAt();
  directory.upsertPod(pod({ uid: "new", ips: ["10.1.0.5"] }));
  directory.upsertPod(pod({ uid: "terminating", ips: ["10.1.0.5"] }));
  time.nowMs += 1000;
  directory.deletePod("terminating");
  assert.equal(uidAt("10.1.0.5"), "new");
});

test("Directory.podAt() knows nobody after a deletion and before the next owner", () => {
  const { time, directory, uidAt } = directoryAt();
  directory.listed();
  directory.upsertPod(pod({ uid: "old", ips: ["10.1.0.5"] }));
  time.nowMs += 20_000;
  directory.deletePod("old");
  time.nowMs += 20_000;
  directory.upsertPod(pod({ uid: "new", ips: ["10.1.0.5"] }));
  assert.equal(uidAt("10.1.0.5", START_MS - 1001), undefined);
  assert.equal(uidAt("10.1.0.5", START_MS - 1000), "old", "the news were under way");
  assert.equal(uidAt("10.1.0.5", START_MS + 20_100), undefined);
  assert.equal(uidAt("10.1.0.5", START_MS + 38_999), undefined);
  assert.equal(uidAt("10.1.0.5", START_MS + 39_000), "new");
});

test("Directory takes what the first list holds to have been so always", () => {
  const { time, directory, uidAt } = directoryAt();
  directory.upsertPod(pod({ uid: "a", ips: ["10.1.0.5"] }));
  directory.listed();
  time.nowMs += 3_600_000;
  directory.upsertPod(pod({ uid: "b", ips: ["10.1.0.6"] }));
  assert.equal(uidAt("10.1.0.5", START_MS - 86_400_000), "a");
  assert.equal(uidAt("10.1.0.6", START_MS - 86_400_000), undefined);
});

for (const phase of ["Succeeded", "Failed"]) {
  test(`Directory: a pod that ${phase} gives its addresses back`, () => {
    const { time, directory, uidAt } = directoryAt();
    directory.upsertPod(pod({ uid: "a", ips: ["10.1.0.5"] }));
    time.nowMs += 1000;
    directory.upsertPod(pod({ uid: "a", ips: ["10.1.0.5"], phase }));
    assert.equal(uidAt("10.1.0.5"), undefined);
    assert.equal(uidAt("10.1.0.5", START_MS), "a");
    directory.upsertPod(pod({ uid: "b", ips: ["10.1.0.7"], phase }));
    assert.equal(uidAt("10.1.0.7"), undefined);
  });
}

test("Directory: pods on the host's network do not own the node's address", () => {
  const { directory, uidAt } = directoryAt();
  directory.upsertPod(pod({ uid: "proxy", ips: ["192.0.2.1"], hostNetwork: true }));
  assert.equal(uidAt("192.0.2.1"), undefined);
  assert.equal(directory.podByUid("proxy")?.uid, "proxy");
});

test("Directory forgets deleted pods after the grace time, and not before", () => {
  const { time, directory, uidAt } = directoryAt({ graceMs: 10_000 });
  directory.upsertPod(pod({ uid: "a", ips: ["10.1.0.5"], containers: [{ name: "c", id: "id-a" }] }));
  directory.deletePod("a");
  time.nowMs += 9000;
  directory.upsertPod(pod({ uid: "b", ips: ["10.1.0.6"] }));
  assert.equal(uidAt("10.1.0.5", START_MS - 1), "a");
  assert.equal(directory.podByUid("a")?.deletedMs, START_MS);
  assert.equal(directory.podByContainer("id-a")?.uid, "a");
  time.nowMs += 4000;
  directory.upsertPod(pod({ uid: "b", ips: ["10.1.0.6"] }));
  assert.equal(uidAt("10.1.0.5", START_MS - 1), undefined);
  assert.equal(directory.podByUid("a"), undefined);
  assert.equal(directory.podByContainer("id-a"), undefined);
  assert.equal(directory.stats().addresses, 1);
  assert.equal(directory.stats().pods, 1);
});

test("Directory forgets a large cluster in parts, and nothing that is in use again by then", () => {
  const { time, directory, uidAt } = directoryAt({ graceMs: 10_000 });
  const ipOf = (index: number) => `10.1.${index >> 8}.${index & 255}`;
  const pods = 3000;
  for (let index = 0; index < pods; index += 1) directory.upsertPod(pod({ uid: `old-${index}`, ips: [ipOf(index)] }));
  for (let index = 0; index < pods; index += 1) directory.deletePod(`old-${index}`);
  time.nowMs += 13_000;
  directory.upsertPod(pod({ uid: "new-0", ips: [ipOf(0)] }));
  const { pods: left } = directory.stats();
  assert.ok(left > pods - 1000, `${left} pods are left: all were forgotten at once`);
  // Taken again while the sweep is under way, and so many that the table of addresses grows.
  for (let index = 1; index < 2 * pods; index += 1) {
    directory.upsertPod(pod({ uid: `new-${index}`, ips: [ipOf(index)] }));
    if (index < 100) directory.upsertPod(pod({ uid: `new-${index}`, ips: [] }));
  }
  assert.equal(directory.podByUid("old-0"), undefined);
  assert.equal(directory.stats().pods, 2 * pods);
  for (const index of [0, 100, 2999, 3000, 5999]) assert.equal(uidAt(ipOf(index)), `new-${index}`);
  assert.notEqual(uidAt(ipOf(5), START_MS - 1), "old-5", "the old pod's time is forgotten");
  time.nowMs += 13_000;
  for (let news = 0; news < 100; news += 1) directory.upsertPod(pod({ uid: "new-0", ips: [ipOf(0)] }));
  assert.deepEqual([directory.stats().addresses, directory.stats().endedIntervals], [2 * pods - 99, 0]);
});

test("Directory does not grow under churn", () => {
  const { time, directory } = directoryAt({ graceMs: 10_000, maxEnded: 1000 });
  let largest = 0;
  for (let run = 0; run < 50_000; run += 1) {
    time.nowMs += 1;
    directory.upsertPod(pod({ uid: `pod-${run}`, ips: [`10.1.${run % 200}.${run % 251}`] }));
    if (run >= 50) directory.deletePod(`pod-${run - 50}`);
    largest = Math.max(largest, directory.stats().pods);
  }
  assert.ok(largest < 13_000, `${largest} pods were kept`);
  assert.ok(directory.stats().shortenedGraces > 0);
});

test("Directory.podByContainer() follows restarts", () => {
  const { directory } = directoryAt();
  directory.upsertPod(pod({ uid: "a", containers: [{ name: "c", id: "" }] }));
  assert.equal(directory.podByContainer(""), undefined);
  directory.upsertPod(pod({ uid: "a", containers: [{ name: "c", id: "one" }] }));
  assert.equal(directory.podByContainer("one")?.uid, "a");
  directory.upsertPod(pod({ uid: "a", containers: [{ name: "c", id: "two" }] }));
  assert.equal(directory.podByContainer("one"), undefined);
  assert.equal(directory.podByContainer("two")?.uid, "a");
});

test("Directory.serviceAt() finds Services by cluster, external, load balancer and node addresses", () => {
  const { directory, serviceAt } = directoryAt();
  directory.upsertNode(node({ uid: "n", name: "node-1", addresses: ["192.0.2.1"] }));
  directory.upsertService(
    service({
      uid: "s",
      name: "web",
      clusterIPs: ["10.96.0.10", "fd96::10"],
      externalIPs: ["198.51.100.7"],
      loadBalancerIPs: ["203.0.113.9"],
      ports: [
        { protocol: "TCP", port: 80, nodePort: 30_080 },
        { protocol: "UDP", port: 53, nodePort: 30_053 },
      ],
    }),
  );
  for (const text of ["10.96.0.10", "fd96::10", "198.51.100.7", "203.0.113.9"]) {
    assert.equal(serviceAt(text, 80), "web", text);
    assert.equal(serviceAt(text, 81), undefined, text);
    assert.equal(serviceAt(text, 53), undefined, "UDP is another port");
    assert.equal(serviceAt(text, 30_080), undefined, text);
  }
  assert.equal(serviceAt("192.0.2.1", 30_080), "web");
  assert.equal(serviceAt("192.0.2.1", 80), undefined);
  assert.equal(serviceAt("192.0.2.1", 30_053), undefined);
  directory.deleteService("s");
  assert.equal(serviceAt("10.96.0.10", 80), undefined);
  assert.equal(serviceAt("192.0.2.1", 30_080), undefined);
});

test("Directory: a Service's late delete leaves its successor alone, as in a relist", () => {
  const { directory, serviceAt } = directoryAt();
  directory.upsertService(service({ uid: "old", name: "old", clusterIPs: ["10.96.0.10"] }));
  directory.upsertService(service({ uid: "new", name: "new", clusterIPs: ["10.96.0.10"] }));
  directory.deleteService("old");
  assert.equal(serviceAt("10.96.0.10", 80), "new");
});

test("Directory follows a Service's changed ports and addresses", () => {
  const { directory, serviceAt } = directoryAt();
  directory.upsertService(service({ uid: "s", name: "web", clusterIPs: ["10.96.0.10"] }));
  directory.upsertService(
    service({ uid: "s", name: "web", clusterIPs: ["10.96.0.11"], ports: [{ protocol: "TCP", port: 81, nodePort: 0 }] }),
  );
  assert.equal(serviceAt("10.96.0.10", 80), undefined);
  assert.equal(serviceAt("10.96.0.11", 80), undefined);
  assert.equal(serviceAt("10.96.0.11", 81), "web");
});

test("Directory.serviceAt() says who had an address and port at that moment", () => {
  const { time, directory, serviceAt } = directoryAt();
  const ports = (...all: number[]) => all.map((port) => ({ protocol: "TCP", port, nodePort: 0 }));
  directory.upsertService(service({ uid: "a", name: "a", clusterIPs: ["10.96.0.10"], ports: ports(80, 443) }));
  directory.listed();
  assert.equal(serviceAt("10.96.0.10", 443, START_MS - 3_600_000), "a", "what came with the list was always so");
  time.nowMs += 60_000;
  directory.upsertService(service({ uid: "a", name: "a", clusterIPs: ["10.96.0.10"], ports: ports(80, 8443) }));
  assert.equal(serviceAt("10.96.0.10", 443), undefined);
  assert.equal(serviceAt("10.96.0.10", 443, START_MS + 59_999), "a");
  assert.equal(serviceAt("10.96.0.10", 8443, START_MS + 55_000), "a", "the news may have been under way");
  assert.equal(serviceAt("10.96.0.10", 8443, START_MS + 45_000), undefined);
  time.nowMs += 20_000;
  directory.deleteService("a");
  time.nowMs += 1_000;
  directory.upsertService(service({ uid: "b", name: "b", clusterIPs: ["10.96.0.10"], ports: ports(80) }));
  assert.equal(serviceAt("10.96.0.10", 80), "b");
  assert.equal(
    serviceAt("10.96.0.10", 80, START_MS + 79_999),
    "a",
    "the next owner's lead ends where the last one's time does",
  );
  assert.equal(serviceAt("10.96.0.10", 8443, START_MS + 79_999), "a");
  assert.equal(serviceAt("10.96.0.10", 8443), undefined);
  time.nowMs += 300_000;
  directory.upsertService(service({ uid: "c", name: "c" }));
  assert.equal(serviceAt("10.96.0.10", 80, START_MS + 79_999), undefined, "forgotten after the grace time");
  assert.equal(directory.stats().endedIntervals, 0);
});

test("Directory.serviceAt() keeps Services apart that share an address", () => {
  const { directory, serviceAt } = directoryAt();
  const shared = (uid: string, port: number) =>
    service({
      uid,
      name: uid,
      clusterIPs: [`10.96.1.${port}`],
      externalIPs: ["198.51.100.7"],
      ports: [{ protocol: "TCP", port, nodePort: 0 }],
    });
  for (const port of [1, 2, 3]) directory.upsertService(shared(`s${port}`, port));
  assert.deepEqual(
    [1, 2, 3, 4].map((port) => serviceAt("198.51.100.7", port)),
    ["s1", "s2", "s3", undefined],
  );
  directory.deleteService("s2");
  assert.deepEqual(
    [1, 2, 3].map((port) => serviceAt("198.51.100.7", port)),
    ["s1", undefined, "s3"],
  );
});

test("Directory gives headless and ExternalName Services no address, as kube-proxy does", () => {
  const { directory, serviceAt } = directoryAt();
  const elsewhere = { externalIPs: ["198.51.100.7"], ports: [{ protocol: "TCP", port: 80, nodePort: 30_080 }] };
  directory.upsertNode(node({ uid: "n", name: "node-1", addresses: ["192.0.2.1"] }));
  directory.upsertService(service({ uid: "h", name: "headless", ...elsewhere }));
  directory.upsertService(
    service({ uid: "e", name: "elsewhere", type: "ExternalName", clusterIPs: ["10.96.0.9"], ...elsewhere }),
  );
  for (const text of ["198.51.100.7", "10.96.0.9"]) assert.equal(serviceAt(text, 80), undefined, text);
  assert.equal(serviceAt("192.0.2.1", 30_080), undefined);
  directory.upsertService(service({ uid: "h", name: "headless", clusterIPs: ["10.96.0.10"], ...elsewhere }));
  assert.equal(serviceAt("198.51.100.7", 80), "headless", "headless no more");
  directory.upsertService(service({ uid: "h", name: "headless", type: "ExternalName", ...elsewhere }));
  assert.equal(serviceAt("198.51.100.7", 80), undefined);
});

test("Directory.nodeAt() knows the address from which a node's VXLAN device sends", () => {
  const { time, directory } = directoryAt();
  directory.upsertNode(node({ uid: "n", name: "node-1", podCIDRs: ["10.1.0.0/24", "fd01::/64"] }));
  for (const text of ["10.1.0.0", "fd01::"]) assert.equal(directory.nodeAt(address(text), time.nowMs)?.name, "node-1");
  assert.equal(directory.nodeAt(address("10.1.0.1"), time.nowMs), undefined);
  directory.deleteNode("n");
  assert.equal(directory.nodeAt(address("10.1.0.0"), time.nowMs), undefined);
});

test("Directory.isBackend() follows the EndpointSlices, and remembers for the grace time", () => {
  const { time, directory } = directoryAt();
  directory.listed();
  directory.upsertService(service({ uid: "s", name: "web", clusterIPs: ["10.96.0.10"] }));
  const web = directory.serviceAt(address("10.96.0.10"), 80, time.nowMs)?.ref;
  assert.ok(web);
  const isBackend = (text: string, port = 8080, unixMs = time.nowMs) =>
    directory.isBackend(address(text), port, web, unixMs);
  directory.upsertEndpointSlice(endpointSlice({ uid: "e1", serviceName: "web" }, "10.1.0.5=a", "10.1.0.6=b"));
  directory.upsertEndpointSlice(endpointSlice({ uid: "e2", serviceName: "web" }, "10.1.0.7=c", "10.1.0.7=c"));
  directory.upsertEndpointSlice(endpointSlice({ uid: "e3", serviceName: "other" }, "10.1.0.8=d", "10.1.0.5=a"));
  directory.upsertEndpointSlice(endpointSlice({ uid: "e4", serviceName: "" }, "10.1.0.9=e"));
  assert.deepEqual(
    ["10.1.0.5", "10.1.0.6", "10.1.0.7", "10.1.0.8", "10.1.0.9"].map((text) => isBackend(text)),
    [true, true, true, false, false],
  );
  assert.equal(isBackend("10.1.0.5", 80), false);
  time.nowMs += 1_000;
  directory.upsertEndpointSlice(endpointSlice({ uid: "e1", serviceName: "web" }, "10.1.0.5=a"));
  directory.deleteEndpointSlice("e2");
  assert.deepEqual(
    ["10.1.0.5", "10.1.0.6", "10.1.0.7"].map((text) => isBackend(text)),
    [true, false, false],
  );
  assert.equal(isBackend("10.1.0.6", 8080, time.nowMs - 1), true);
  const ports = [{ protocol: "TCP", port: 9090 }];
  directory.upsertEndpointSlice(endpointSlice({ uid: "e1", serviceName: "web", ports }, "10.1.0.5=a"));
  assert.equal(isBackend("10.1.0.5"), false);
  assert.equal(isBackend("10.1.0.5", 9090), true);
  assert.equal(directory.stats().endpointSlices, 2);
  for (const uid of ["e1", "e3"]) directory.deleteEndpointSlice(uid);
  time.nowMs += 300_000;
  directory.upsertService(service({ uid: "s", name: "web" }));
  assert.equal(directory.stats().addresses, 1, "the cluster IP, which the Service gave back just now");
  assert.equal(directory.stats().endpointSlices, 0);
});

test("Directory counts a slice's addresses that it cannot read", () => {
  const { directory } = directoryAt();
  directory.upsertEndpointSlice(endpointSlice({ uid: "e", serviceName: "web" }, "10.1.0.999", "10.1.0.5"));
  assert.equal(directory.stats().badAddresses, 1);
  directory.deleteEndpointSlice("e");
  directory.deleteEndpointSlice("e");
});

test("Directory.podRangeAt() follows the nodes", () => {
  const { directory } = directoryAt();
  directory.upsertNode(node({ uid: "n", name: "node-1", podCIDRs: ["10.1.0.0/24", "fd01::/64"] }));
  assert.equal(directory.podRangeAt(address("10.1.0.77"))?.name, "node-1");
  assert.equal(directory.podRangeAt(address("fd01::9"))?.name, "node-1");
  assert.equal(directory.podRangeAt(address("10.1.1.77")), undefined);
  directory.deleteNode("n");
  assert.equal(directory.podRangeAt(address("10.1.0.77")), undefined);
});

test("Directory counts addresses it cannot read", () => {
  const { directory, uidAt } = directoryAt();
  directory.upsertPod(pod({ uid: "a", ips: ["10.1.0.999", "10.1.0.5"] }));
  directory.upsertNode(node({ uid: "n", name: "node-1", podCIDRs: ["10.1.0.0/99"] }));
  assert.equal(uidAt("10.1.0.5"), "a");
  assert.equal(directory.stats().badAddresses, 2);
});

test("Directory's version stays where nobody asked", () => {
  const { time, directory, growth, uidAt } = directoryAt();
  directory.upsertPod(pod({ uid: "known", ips: ["10.1.0.5"] }));
  uidAt("10.1.0.5");
  const grown = growth(() => {
    for (let run = 0; run < 1000; run += 1) {
      time.nowMs += 5;
      const uid = `pod-${run}`;
      directory.upsertPod(pod({ uid, phase: "Pending" }));
      directory.upsertPod(pod({ uid, ips: [`10.2.${run % 100}.1`], containers: [{ name: "c", id: uid }] }));
      directory.deletePod(uid);
      directory.upsertPod(pod({ uid: "known", ips: ["10.1.0.5"], nodeName: "node-1" }));
      directory.upsertService(service({ uid, name: uid, clusterIPs: [`10.97.${run % 100}.1`] }));
    }
  });
  assert.equal(grown, 0);
});

test("Directory's version grows when an answer changes that was given", () => {
  const { directory, growth, uidAt, serviceAt } = directoryAt();
  uidAt("10.1.0.5");
  assert.equal(
    growth(() => directory.upsertPod(pod({ uid: "a", ips: ["10.1.0.5"] }))),
    1,
    "an address gets an owner",
  );
  assert.equal(
    growth(() => directory.deletePod("a")),
    0,
    "nobody asked again",
  );
  uidAt("10.1.0.5");
  assert.equal(
    growth(() => directory.upsertPod(pod({ uid: "b", ips: ["10.1.0.5"] }))),
    1,
    "a new owner",
  );
  directory.podByUid("c");
  assert.equal(
    growth(() => directory.upsertPod(pod({ uid: "c" }))),
    1,
    "a pending pod",
  );
  directory.podByContainer("id");
  assert.equal(
    growth(() => directory.upsertPod(pod({ uid: "c", containers: [{ name: "c", id: "id" }] }))),
    1,
    "a container",
  );
  directory.podByUid("c");
  const owned = pod({ uid: "c", owner: { kind: "StatefulSet", name: "db", uid: "uid-db" } });
  assert.equal(
    growth(() => directory.upsertPod(owned)),
    1,
    "an owner",
  );
  serviceAt("10.96.0.1", 443);
  const api = service({
    uid: "s",
    name: "api",
    clusterIPs: ["10.96.0.1"],
    ports: [{ protocol: "TCP", port: 443, nodePort: 31_000 }],
  });
  assert.ok(growth(() => directory.upsertService(api)) > 0, "a Service");
  assert.equal(
    growth(() => directory.upsertService(api)),
    0,
    "no change",
  );
  directory.upsertNode(node({ uid: "n", name: "n", addresses: ["192.0.2.1"] }));
  assert.equal(serviceAt("192.0.2.1", 31_000), "api");
  assert.ok(growth(() => directory.deleteService("s")) > 0, "a node port goes");
});

test("Directory's version grows for whoever asked just before a record was forgotten", () => {
  const { time, directory, growth, uidAt } = directoryAt({ graceMs: 1000 });
  directory.upsertPod(pod({ uid: "a", ips: ["10.1.0.5"] }));
  directory.deletePod("a");
  time.nowMs += 5000;
  assert.equal(uidAt("10.1.0.5"), undefined);
  assert.equal(
    growth(() => directory.upsertPod(pod({ uid: "other", ips: ["10.1.0.6"] }))),
    1,
    "what nobody has lately had is not even the cluster's",
  );
  assert.equal(directory.stats().addresses, 1, "swept");
  uidAt("10.1.0.5");
  assert.equal(
    growth(() => directory.upsertPod(pod({ uid: "b", ips: ["10.1.0.5"] }))),
    1,
  );
});

test("Directory agrees with a plain history through random churn", () => {
  const { time, directory, uidAt } = directoryAt({ graceMs: 1e12 });
  directory.listed();
  /** What a careful clerk would write: who took which address over when, and when it was given back. */
  const history = new Map<string, { uid: string; fromMs: number; untilMs: number }[]>();
  const owners = new Map<string, { uid: string; live: boolean }>();
  const live: { uid: string; ip: string }[] = [];
  let state = 4711;
  const random = (bound: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % bound;
  };
  for (let step = 0; step < 3000; step += 1) {
    time.nowMs += 20_001; // Further apart than lists and leads reach.
    if (live.length > 20 || (live.length > 0 && random(2) === 0)) {
      const [gone] = live.splice(random(live.length), 1);
      if (gone === undefined) continue;
      directory.deletePod(gone.uid);
      const owner = owners.get(gone.ip);
      if (owner?.uid !== gone.uid) continue;
      owner.live = false;
      const last = history.get(gone.ip)?.at(-1);
      if (last !== undefined) last.untilMs = time.nowMs + 100;
    } else {
      const added = { uid: `pod-${step}`, ip: `10.1.0.${random(12)}` };
      live.push(added);
      directory.upsertPod(pod({ uid: added.uid, ips: [added.ip] }));
      const list = history.get(added.ip) ?? [];
      const last = list.at(-1);
      const taken = owners.get(added.ip)?.live === true;
      if (last !== undefined && taken) last.untilMs = time.nowMs;
      list.push({
        uid: added.uid,
        fromMs: taken ? time.nowMs : time.nowMs - 1000,
        untilMs: Number.POSITIVE_INFINITY,
      });
      history.set(added.ip, list);
      owners.set(added.ip, { uid: added.uid, live: true });
    }
  }
  for (let question = 0; question < 20_000; question += 1) {
    const ip = `10.1.0.${random(12)}`;
    const unixMs = START_MS + random(3000) * 20_001 + random(3) * 9_000;
    const expected = history.get(ip)?.find(({ fromMs, untilMs }) => unixMs >= fromMs && unixMs < untilMs)?.uid;
    assert.equal(uidAt(ip, unixMs), expected, `${ip} at ${unixMs}`);
  }
});

test("Directory names a Job's pods after its CronJob, whichever it hears of first, and says so to whoever asked", () => {
  const { directory, growth } = directoryAt();
  const owner = { kind: "Job", name: "backup-29381", uid: "job" };
  const cronJob = { kind: "CronJob", name: "backup", uid: "cron" };
  const workload = (uid: string) => {
    const endpoint = directory.podByUid(uid)?.endpoint;
    return `${endpoint?.kind}/${endpoint?.workload}`;
  };
  directory.upsertPod(pod({ uid: "a", owner }));
  assert.equal(workload("a"), "Job/backup-29381");
  assert.equal(
    growth(() => directory.upsertOwner({ uid: "job", owner: cronJob })),
    1,
  );
  assert.equal(workload("a"), "CronJob/backup");
  directory.upsertPod(pod({ uid: "b", owner }));
  assert.equal(workload("b"), "CronJob/backup");
  directory.deleteOwner("job");
  directory.upsertPod(pod({ uid: "a", owner, phase: "Succeeded" }));
  assert.equal(workload("a"), "CronJob/backup", "as it was known last");
  directory.upsertOwner({ uid: "alone", owner: undefined });
  directory.upsertPod(pod({ uid: "c", owner: { kind: "Job", name: "once", uid: "alone" } }));
  assert.equal(workload("c"), "Job/once");
});
