import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { edgesAt, type ObservedEdge } from "../kernel/observed-edge.ts";
import { PeerServer } from "../lab/peer.ts";
import { peerBinary } from "../lab/peer-binary.ts";
import { Collector } from "../rig/collector.ts";
import { parseExposition, type Sample } from "../rig/exposition.ts";
import { Prometheus } from "../rig/prometheus.ts";
import { skipWithout } from "../rig/tools.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { HOST_ADDRESS } from "./addressing.ts";
import { agentImage, METRICS_PORT, startAgents } from "./agents.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { travel } from "./journey-run.ts";
import type { Journey } from "./journeys.ts";
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
import { agentsView, collectorView, LOST, prometheusView } from "./views.ts";

const QUESTIONS = "weir_agent_peer_questions_total";
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

/** What is sent through a cluster. */
export interface Travels {
  readonly usual: readonly Journey[];
  /** While the agent of n1 is frozen. */
  readonly frozen: readonly Journey[];
}

/** The agent as it is deployed, on a real cluster of this kind: who was connected to whom, as the agents, Prometheus and a Collector see it. */
export function describeCluster(
  title: string,
  options: Omit<ClusterOptions, "logs" | "images">,
  { usual, frozen }: Travels,
): void {
  describe(title, { skip: SKIP }, () => {
    const table = [...usual, ...frozen];
    const logs = join(RESULTS, title.replaceAll(/\W+/g, "-"));
    let cluster: Cluster;
    let collector: Collector;
    let prometheus: Prometheus;
    let agents: readonly string[];

    before(async () => {
      cluster = await Cluster.up({ ...options, logs, images: [agentImage()] });
      collector = await Collector.start({ bindAddress: HOST_ADDRESS });
      const { intervalMs, agentsFirst } = cluster.pace;
      const settings = {
        WEIR_OTLP_ENDPOINT: collector.grpcUrl,
        WEIR_OTLP_PROTOCOL: "grpc",
        WEIR_OTLP_INTERVAL: `${intervalMs}ms`,
        WEIR_FLOWS_SWEEP_INTERVAL: `${intervalMs}ms`,
      };
      const start = startAgents(cluster, join(logs, "agents"), settings);
      if (agentsFirst) await start;
      [agents] = await Promise.all([start, openShop(cluster, options.machine ?? false)]);
      prometheus = await Prometheus.start({ targets: agents, scrapeIntervalMs: intervalMs });
    });
    after(async () => {
      await prometheus?.stop();
      await collector?.stop();
      await cluster?.down();
    });

    test("all traffic arrives", async () => {
      const peer = await peerBinary();
      const left = usual.values();
      const worker = async () => {
        for (const journey of left) await travel(cluster, journey, peer);
      };
      await Promise.all(Array.from({ length: cluster.pace.journeysAtOnce }, worker));
    });

    if (frozen.length > 0)
      test("traffic arrives while n1's agent is frozen, and those of n2 and n3 ask it again and again", async () => {
        const peer = await peerBinary();
        const agent = await agentOf(cluster, "n1");
        const state = () => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${agent}/status`, "utf8"))?.[1];
        const asked = [
          { node: 2, question: "origin" },
          { node: 3, question: "backend" },
        ];
        const repeated = () =>
          Promise.all(asked.map(({ node, question }) => repeatedQuestions(agents[node - 1], question)));
        const before = await repeated();
        process.kill(agent, "SIGSTOP");
        try {
          await waitUntil(() => state() === "T", { what: "n1's agent to be frozen" });
          for (const journey of frozen) await travel(cluster, journey, peer);
          const areAsked = async () => {
            const now = await repeated();
            const seen = `${now} questions repeated after ${before}, the agent in state ${state()}`;
            assert.ok(
              now.every((count, index) => count > (before[index] ?? 0)),
              seen,
            );
            return true;
          };
          await waitUntil(areAsked, { what: "n1's agent to be asked again", intervalMs: 100 });
        } finally {
          process.kill(agent, "SIGCONT");
        }
      });

    test("the agents' sum: nothing is said of Services' own ports", async () => {
      const samples = await agentsView(agents);
      for (const port of [SERVICE_PORT, ...Object.values(NODE_PORT)]) assert.deepEqual(edgesAt(port, samples), []);
    });
    for (const [program, port] of Object.entries(PORT)) {
      if (!table.some(({ serverPort }) => serverPort === port)) continue;
      test(`the agents' sum: every connection to ${program}, once, by its ends and its Service`, () =>
        expectView(() => agentsView(agents), table, port));
    }
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
    test("nothing was lost", async () => {
      for (const { name, labels, value } of await agentsView(agents)) {
        // sockets that were closing when the agent came are no loss of its time
        if (name !== LOST || labels["reason"] === "before_start") continue;
        assert.equal(value, 0, JSON.stringify(labels));
      }
    });
  });
}

/** The agent's process on a node: it listens there. */
async function agentOf(cluster: Cluster, node: string): Promise<number> {
  const listeners = await cluster.node(node).mustRun(["ss", "-Hltnp", `sport = :${METRICS_PORT}`]);
  const pid = Number(/pid=(\d+)/.exec(listeners)?.[1]);
  assert.ok(pid > 1, `the agent's process, of ${listeners}`);
  return pid;
}

/** Questions about this that an agent has put to another one more than once. */
async function repeatedQuestions(address: string | undefined, question: string): Promise<number> {
  const answer = await fetch(`http://${address}/metrics`);
  const sample = parseExposition(await answer.text()).find(({ name, labels }) => {
    return name === QUESTIONS && labels["question"] === question && labels["outcome"] === "repeated";
  });
  assert.ok(sample, `${address} tells of questions that it repeated`);
  return sample.value;
}

async function openShop(cluster: Cluster, machine: boolean): Promise<void> {
  const server = { port: PORT.outside, read: REQUEST_BYTES, respond: RESPONSE_BYTES };
  await PeerServer.start(cluster.outside, server);
  // What a router of the LAN, or its load balancer, would do.
  for (const address of [EXTERNAL_IP, BALANCER_IP]) await addRoute("outside", address, cluster.node("n2").address);
  await cluster.apply(shopObjects(cluster.images.peer.name, await peerBinary(), { machine }));
  const balanced = { apiVersion: "v1", kind: "Service", metadata: { name: "till-balanced", namespace: "shop" } };
  await cluster.client.patchStatus(balanced, { loadBalancer: { ingress: [{ ip: BALANCER_IP, ipMode: "VIP" }] } });
  await waitUntil(() => cluster.pod("shop", "loner"), { what: "the pod without an owner", deadlineMs: 60_000 });
  if (machine) await virtualServers(cluster.node("n4"));
}

/** Waits until IPVS on a machine has all backends: kube-proxy there is seconds behind. */
async function virtualServers(node: Pick<Cluster["nodes"][number], "mustRun">): Promise<void> {
  const wanted = { [PORT.web]: 2, [PORT.stall]: 2, [PORT.kiosk]: 1, [PORT.till]: 1 };
  let before = "";
  const look = async () => {
    const text = await node.mustRun(["cat", "/proc/net/ip_vs"]);
    // "  -> 0AF70102:5258 Masq 1 0 0": a backend, once for each address of its Services
    const backends = new Set(text.match(/(?<=-> )[0-9A-F]{8}:[0-9A-F]{4}/g));
    const counts = Object.entries(wanted).map(([port, count]) => {
      const suffix = `:${Number(port).toString(16).toUpperCase()}`;
      return [...backends].filter((backend) => backend.endsWith(suffix)).length === count;
    });
    const rows = text.match(/^(?:TCP|UDP| +->) +[0-9A-F]{8}:[0-9A-F]{4}/gm)?.join() ?? "";
    const isSteady = rows === before;
    before = rows;
    return isSteady && counts.every(Boolean);
  };
  await waitUntil(look, { what: "IPVS to have all backends", deadlineMs: 120_000, intervalMs: 2_000 });
}

/** The edges to a port that the table asks for, those of one name added up. */
function expectedEdges(table: readonly Journey[], port: number): ObservedEdge[] {
  const counts = new Map<string, { journey: Journey; connections: number }>();
  for (const journey of table.filter(({ serverPort }) => serverPort === port)) {
    const key = JSON.stringify([journey.client, journey.server, journey.service]);
    const connections = (counts.get(key)?.connections ?? 0) + journey.connections;
    counts.set(key, { journey, connections });
  }
  return [...counts.values()].map(({ journey: { client, server, service }, connections }) => ({
    client,
    server,
    service,
    opened: connections,
    closed: connections,
    active: 0,
    failed: {},
    requestBytes: connections * REQUEST_BYTES,
    responseBytes: connections * RESPONSE_BYTES,
  }));
}

async function expectView(
  view: () => Promise<readonly Sample[]>,
  table: readonly Journey[],
  port: number,
): Promise<void> {
  const wanted = inOrder(expectedEdges(table, port));
  let seen: unknown;
  const look = async () => {
    seen = inOrder(edgesAt(port, await view()));
    assert.deepEqual(seen, wanted);
    return true;
  };
  const wait = { what: `the edges to port ${port}`, deadlineMs: 15_000, intervalMs: 250 };
  await waitUntil(look, wait).catch(() => assert.deepEqual(seen, wanted));
}

async function expectSame(view: View, original: View): Promise<void> {
  const edges = (samples: readonly Sample[]) =>
    Object.entries(PORT).map(([program, port]) => [program, inOrder(edgesAt(port, samples))]);
  const look = async () => {
    assert.deepEqual(edges(await view()), edges(await original()));
    return true;
  };
  await waitUntil(look, { what: "the same edges", deadlineMs: 15_000, intervalMs: 250 });
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
