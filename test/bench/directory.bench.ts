/**
 * What the directory costs: heap for 10 000 pods (two containers each, dual stack) and 5 000 Services with their slices, the time of a
 * lookup and of a resolver's answer, the bytes allocated per answer, and what 200 changes per second cost and how often they grow the version.
 *
 * Times are the thread's CPU time, medians of rounds of 200 000 questions in a shuffled order. Run: node --expose-gc test/bench/directory.bench.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAddress } from "../../src/identity/address-text.ts";
import type { AddressWords } from "../../src/identity/endpoint.ts";
import { Resolver } from "../../src/identity/resolver.ts";
import type { SlimEndpointSlice, SlimPod, SlimService } from "../../src/kubernetes/objects.ts";

const PODS = 10_000;
const SERVICES = 5_000;
const QUESTIONS = 200_000;
const ROUNDS = 15;
const collect = globalThis.gc;
if (collect === undefined) throw new Error("Cannot measure the heap: --expose-gc is needed");

function words(text: string): AddressWords {
  const address = parseAddress(text);
  if (address === undefined) throw new TypeError(text);
  return address;
}

const podIp = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
const serviceIp = (index: number) => `10.96.${index >> 8}.${index & 255}`;
const hex = (index: number, digits: number) => index.toString(16).padStart(digits, "0");

function makePod(index: number, generation = 0): SlimPod {
  const uid = `${hex(index, 8)}-0000-4000-8000-${hex(generation, 12)}`;
  return {
    uid,
    namespace: `team-${index % 50}`,
    name: `app-${index % 1000}-6d5f7c9b8-${hex(index, 5)}`,
    nodeName: `node-${index % 300}`,
    hostNetwork: false,
    phase: "Running",
    isReady: true,
    deleting: false,
    terminated: false,
    startedSeconds: 1_690_000_000 + index,
    runningSeconds: 1_690_000_001 + index,
    ips: [podIp(index), `fd00::${hex(index, 4)}`],
    owner: { kind: "ReplicaSet", name: `app-${index % 1000}-6d5f7c9b8`, uid: `rs-${index % 1000}` },
    podTemplateHash: "6d5f7c9b8",
    rolloutTemplateHash: "",
    service: undefined,
    chosen: [],
    containers: ["app", "proxy"].map((name) => ({
      name,
      id: `${hex(index, 32)}${hex(generation, 16)}${name.padEnd(16, "0")}`,
    })),
  };
}

function makeService(index: number): SlimService {
  return {
    uid: `service-${hex(index, 28)}`,
    namespace: `team-${index % 50}`,
    name: `app-${index}`,
    type: "ClusterIP",
    clusterIPs: [serviceIp(index), `fd96::${hex(index, 4)}`],
    externalIPs: [],
    loadBalancerIPs: [],
    ports: [80, 443].map((port) => ({ protocol: "TCP", port, nodePort: index % 10 === 0 ? 30_000 + index / 10 : 0 })),
  };
}

/** The IPv4 and IPv6 backends of a Service: two of the pods. */
function makeSlices(index: number): SlimEndpointSlice[] {
  const pods = [2 * index, 2 * index + 1].map((pod) => ({ pod, podUid: makePod(pod).uid }));
  return [podIp, (pod: number) => `fd00::${hex(pod, 4)}`].map((ip, version) => ({
    uid: `slice-${version}-${hex(index, 28)}`,
    namespace: `team-${index % 50}`,
    serviceName: `app-${index}`,
    backends: pods.map(({ pod, podUid }) => ({ address: ip(pod), podUid })),
    ports: [8080, 8443].map((port) => ({ protocol: "TCP", port })),
  }));
}

function heapMb(): number {
  collect?.();
  collect?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
}

/** Median nanoseconds and mean bytes per question. */
function measure(name: string, ask: (index: number) => unknown): void {
  const nanoseconds: number[] = [];
  let bytes = 0;
  let found = 0;
  for (let round = 0; round < ROUNDS + 3; round += 1) {
    const heap = process.memoryUsage().heapUsed;
    const began = process.threadCpuUsage();
    for (let index = 0; index < QUESTIONS; index += 1) if (ask(index) !== undefined) found += 1;
    const { user, system } = process.threadCpuUsage(began);
    // The first rounds are for the compiler.
    if (round < 3) continue;
    nanoseconds.push(((user + system) * 1000) / QUESTIONS);
    bytes += Math.max(0, process.memoryUsage().heapUsed - heap) / QUESTIONS / ROUNDS;
  }
  nanoseconds.sort((a, b) => a - b);
  const median = nanoseconds[ROUNDS >> 1] ?? Number.NaN;
  const share = Math.round((100 * found) / (QUESTIONS * (ROUNDS + 3)));
  console.log(
    `${name.padEnd(44)} ${median.toFixed(0).padStart(6)} ns  ${bytes.toFixed(2).padStart(6)} B  ${share} % found`,
  );
}

const root = mkdtempSync(join(tmpdir(), "weir-bench-"));
// Parsed addresses and the agent's own start are not what is measured.
const podAddresses = Array.from({ length: PODS }, (_, index) => words(podIp(index)));
const podAddresses6 = Array.from({ length: PODS }, (_, index) => words(`fd00::${hex(index, 4)}`));
const serviceAddresses = Array.from({ length: SERVICES }, (_, index) => words(serviceIp(index)));
const strangers = Array.from({ length: PODS }, (_, index) => words(`11.7.${index >> 8}.${index & 255}`));
const order = Int32Array.from({ length: QUESTIONS }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 4);

let nowMs = 1_700_000_000_000;
const resolver = new Resolver({
  hostName: "node-1",
  cluster: true,
  procPath: root,
  cgroupPath: root,
  clock: () => nowMs,
});
await resolver.start();
const { directory } = resolver;
const before = heapMb();
const fillBegan = performance.now();
for (let index = 0; index < PODS; index += 1) directory.upsertPod(makePod(index));
for (let index = 0; index < SERVICES; index += 1) directory.upsertService(makeService(index));
for (let index = 0; index < SERVICES; index += 1)
  for (const slice of makeSlices(index)) directory.upsertEndpointSlice(slice);
const fillMs = performance.now() - fillBegan;
directory.listed();
console.log(
  `heap for ${PODS} pods and ${SERVICES} Services: ${(heapMb() - before).toFixed(1)} MB, filled in ${fillMs.toFixed(0)} ms`,
);

const at = <T>(list: readonly T[], index: number): T => list[(order[index] ?? 0) % list.length] as T;
measure("Directory.podAt(), IPv4", (index) => directory.podAt(at(podAddresses, index), nowMs));
measure("Directory.podAt(), IPv6", (index) => directory.podAt(at(podAddresses6, index), nowMs));
measure("Directory.serviceAt()", (index) => directory.serviceAt(at(serviceAddresses, index), 443, nowMs));
measure("Resolver.remote(), pod", (index) => resolver.remote(at(podAddresses, index), 8080, 1, nowMs).endpoint);
measure("Resolver.remote(), Service", (index) => resolver.remote(at(serviceAddresses, index), 443, 1, nowMs).service);
measure(
  "Resolver.remote(), 10 000 strangers",
  (index) => resolver.remote(at(strangers, index), 443, 1, nowMs).endpoint,
);

const { version } = resolver;
const churnBegan = process.cpuUsage();
const CHANGES = 20_000;
for (let change = 0; change < CHANGES; change += 1) {
  nowMs += 5;
  // This node talks to 200 of the pods, and asks anew whenever the version grows.
  const index = (change * 7919) % PODS;
  if (change % 20 === 0) resolver.remote(at(podAddresses, change % 200), 8080, 1, nowMs);
  if (change % 2 === 0) directory.upsertPod(makePod(index, change));
  else directory.deletePod(makePod(((change - 1) * 7919) % PODS, change - 1).uid);
}
const { user, system } = process.cpuUsage(churnBegan);
const cpu = (user + system) / 1e6;
console.log(
  `${CHANGES} changes, 200 per second: ${((100 * cpu) / (CHANGES / 200)).toFixed(2)} % of a core, ` +
    `version grew ${resolver.version - version} times, heap ${(heapMb() - before).toFixed(1)} MB after`,
);
console.log(directory.stats());
await resolver.shutdown();
rmSync(root, { recursive: true });
