import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { edgesAt, type ObservedEdge } from "../kernel/observed-edge.ts";
import { PeerServer } from "../lab/peer.ts";
import { peerBinary } from "../lab/peer-binary.ts";
import { Collector } from "../rig/collector.ts";
import type { Sample } from "../rig/exposition.ts";
import { Prometheus } from "../rig/prometheus.ts";
import { skipWithout } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { HOST_ADDRESS } from "./addressing.ts";
import { agentImage, startAgents } from "./agents.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { travel } from "./journey-run.ts";
import { journeys } from "./journeys.ts";
import { addRoute } from "./network.ts";
import {
  BALANCER_IP,
  EXTERNAL_IP,
  NODE_PORT,
  PORT,
  REQUEST_BYTES,
  RESPONSE_BYTES,
  SERVICE_PORT,
  shopObjects,
} from "./shop.ts";
import { agentsView, collectorView, prometheusView } from "./views.ts";

const AT_ONCE = 4;
const SKIP = skipWithout(
  "kubernetes",
  "etcd",
  "kubelet",
  "containerd",
  "coredns",
  "flannel",
  "prometheus",
  "collector",
);
const RESULTS = join(import.meta.dirname, "../../build/cluster");

/** The agent as it is deployed, on a real cluster of this kind: who was connected to whom, as the agents, Prometheus and a Collector see it. */
export function describeCluster(title: string, options: Omit<ClusterOptions, "logs" | "images">): void {
  describe(title, { skip: SKIP }, () => {
    const table = journeys({ routed: options.network !== "flannel" });
    const logs = join(RESULTS, title.replaceAll(/\W+/g, "-"));
    let cluster: Cluster;
    let collector: Collector;
    let prometheus: Prometheus;
    let agents: readonly string[];

    before(async () => {
      cluster = await Cluster.up({ ...options, logs, images: [agentImage()] });
      collector = await Collector.start({ bindAddress: HOST_ADDRESS });
      const [addresses] = await Promise.all([
        startAgents(cluster, join(logs, "agents"), {
          WEIR_OTLP_ENDPOINT: collector.grpcUrl,
          WEIR_OTLP_PROTOCOL: "grpc",
          WEIR_OTLP_INTERVAL: "1s",
          WEIR_FLOWS_SWEEP_INTERVAL: "1s",
        }),
        openShop(cluster),
      ]);
      agents = addresses;
      prometheus = await Prometheus.start({ targets: agents });
    });
    after(async () => {
      await prometheus?.stop();
      await collector?.stop();
      await cluster?.down();
    });

    test("all traffic arrives", async () => {
      const peer = await peerBinary();
      const left = table.values();
      const worker = async () => {
        for (const journey of left) await travel(cluster, journey, peer);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    });

    test("the agents' sum: nothing is said of Services' own ports", async () => {
      const samples = await agentsView(agents);
      for (const port of [SERVICE_PORT, ...Object.values(NODE_PORT)]) assert.deepEqual(edgesAt(port, samples), []);
    });
    test("the agents' sum: every server is known by its workload, whoever asked it and by whichever Service", async () => {
      const samples = await agentsView(agents);
      for (const { server, serverPort } of table.filter((journey) => journey.server.startsWith("shop/"))) {
        const servers = edgesAt(serverPort, samples).map((edge) => edge.server);
        assert.deepEqual([...new Set(servers)], [server]);
      }
    });
    test("Prometheus has what the agents say", async () => {
      await prometheus.scraped();
      await expectSame(
        () => prometheusView(prometheus),
        () => agentsView(agents),
      );
    });
    test("the Collector has what the agents say", () =>
      expectSame(
        async () => collectorView(collector),
        () => agentsView(agents),
      ));
  });
}

async function openShop(cluster: Cluster): Promise<void> {
  const server = { port: PORT.outside, read: REQUEST_BYTES, respond: RESPONSE_BYTES };
  await PeerServer.start(cluster.outside, server);
  // What a router of the LAN, or its load balancer, would do.
  for (const address of [EXTERNAL_IP, BALANCER_IP]) await addRoute("outside", address, cluster.node("n2").address);
  await cluster.apply(shopObjects(cluster.images.peer.name, await peerBinary()));
  const balanced = { apiVersion: "v1", kind: "Service", metadata: { name: "till-balanced", namespace: "shop" } };
  await cluster.client.patchStatus(balanced, { loadBalancer: { ingress: [{ ip: BALANCER_IP, ipMode: "VIP" }] } });
  await waitUntil(() => cluster.pod("shop", "loner"), { what: "the pod without an owner", deadlineMs: 60_000 });
}

async function expectSame(view: View, original: View): Promise<void> {
  for (const port of Object.values(PORT)) {
    const look = async () => {
      assert.deepEqual(inOrder(edgesAt(port, await view())), inOrder(edgesAt(port, await original())));
      return true;
    };
    await waitUntil(look, { what: `the same edges to port ${port}`, deadlineMs: 6_000, intervalMs: 250 });
  }
}

type View = () => Promise<readonly Sample[]>;

/** A line for an edge: a difference shows what it is about. */
function inOrder(edges: readonly ObservedEdge[]): string[] {
  return edges
    .map(({ client, server, service, opened, closed, active, failed, requestBytes, responseBytes }) => {
      const connections =
        opened === closed && active === 0 ? `${opened}` : `${opened} opened, ${closed} closed, ${active} active`;
      const failures = Object.keys(failed).length > 0 ? `, failed: ${JSON.stringify(failed)}` : "";
      return `${client} -> ${server} by "${service}": ${connections}, ${requestBytes} and ${responseBytes} bytes${failures}`;
    })
    .sort();
}
