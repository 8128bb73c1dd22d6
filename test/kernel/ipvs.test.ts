import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { nodeAddress } from "../lab/addressing.ts";
import { Lab } from "../lab/lab.ts";
import { connectPeer, PeerClient, type PeerClientOptions, PeerServer } from "../lab/peer.ts";
import type { Place } from "../lab/place.ts";
import type { Pod } from "../lab/pod.ts";
import { ipvsMissing } from "../lab/proxy-ipvs.ts";
import type { Service } from "../lab/service.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { askConntrack, clientPorts, tuple, words } from "./conntrack-question.ts";
import { EdgeExpectations } from "./expect-edges.ts";
import { edgesAt, type ObservedEdge } from "./observed-edge.ts";
import { processEndpoint } from "./process-endpoint.ts";

// Primes, so that no sum or double comes out by accident.
const CONNECTIONS = 23;
const REQUEST_BYTES = 104_729;
const RESPONSE_BYTES = 7_919;

const missing = await ipvsMissing();
if (missing === undefined || process.env["GUEST_RESULTS_DIR"] !== undefined) {
  describe("the agent where IPVS stands for Services, without a cluster", describeIpvs);
} else {
  // No skipped test: a kernel without IPVS has no traffic through it, and those that have it are in test/kernels.
  console.log(`No test of IPVS here: ${missing}; npm run test:kernels runs them.`);
}

function describeIpvs(): void {
  let lab: Lab;
  let agent: AgentProcess;
  let expectations: EdgeExpectations;
  let client: Pod;
  let backends: readonly Pod[];
  let loner: Pod;
  let web: Service;
  let self: Service;

  before(async () => {
    assert.equal(missing, undefined);
    lab = await Lab.up({ proxy: "ipvs" });
    client = await lab.pod({ namespace: "shop", name: "client", node: "n1" });
    backends = (await lab.workload({ kind: "Deployment", namespace: "shop", name: "web", nodes: ["n1", "n2", "n2"] }))
      .pods;
    loner = await lab.pod({ namespace: "shop", name: "loner", node: "n1" });
    web = await lab.service({
      namespace: "shop",
      name: "web",
      selector: { app: "web" },
      ports: [
        { name: "v4", port: 80, targetPort: 8021 },
        { name: "v6", port: 81, targetPort: 8022 },
        { name: "out-v4", port: 82, targetPort: 8023, nodePort: 30_083 },
        { name: "out-v6", port: 83, targetPort: 8024, nodePort: 30_084 },
        { name: "held-v4", port: 85, targetPort: 8026 },
        { name: "held-v6", port: 86, targetPort: 8027 },
      ],
    });
    self = await lab.service({
      namespace: "shop",
      name: "loner",
      selector: { app: "loner" },
      ports: [{ port: 84, targetPort: 8025 }],
    });
    agent = await AgentProcess.startReady({
      flags: ["--flows.sweep-interval=1s", "--kubernetes.enabled=false", "--node-name=lab-host"],
    });
    expectations = new EdgeExpectations(agent);
  });
  after(async () => {
    await agent?.stop();
    await lab?.down();
  });

  const container = (pod: Pod) => `Container/${pod.container().id.slice(0, 12)}`;

  /** Makes the connections, and expects an edge to each backend with what that backend itself says it had. */
  async function exchange(from: Place, clientName: string, pods: readonly Pod[], targetPort: number, to: Target) {
    const options = { port: targetPort, read: REQUEST_BYTES, respond: RESPONSE_BYTES };
    const servers = await Promise.all(pods.map((pod) => PeerServer.start(pod.place, options)));
    const traffic = { ...to, count: CONNECTIONS, send: REQUEST_BYTES, expect: RESPONSE_BYTES };
    assert.equal((await connectPeer(from, traffic)).closed, CONNECTIONS);
    const totals = await Promise.all(servers.map((server) => server.stop()));
    const shares = totals.map(({ opened }) => opened);
    assert.equal(
      shares.reduce((sum, share) => sum + share),
      CONNECTIONS,
    );
    const edges = pods.map((pod, index): ObservedEdge => {
      const share = shares[index] as number;
      assert.ok(share > 0, `IPVS chose ${pod.name} for none of ${CONNECTIONS} connections`);
      return {
        client: clientName,
        server: container(pod),
        service: "",
        opened: share,
        closed: share,
        active: 0,
        failed: {},
        requestBytes: share * REQUEST_BYTES,
        responseBytes: share * RESPONSE_BYTES,
      };
    });
    await expectations.meet(targetPort, edges);
    assert.deepEqual(edgesAt(to.port, await agent.metrics()), [], "edges to the port that was asked for");
  }

  test("a ClusterIP: the edges are those of the backends that answered", async () => {
    const to = web.clusterIP?.v4 as string;
    await exchange(client.place, container(client), backends, 8021, { to, port: 80 });
  });

  test("a ClusterIP of IPv6", async () => {
    const to = web.clusterIP?.v6 as string;
    await exchange(client.place, container(client), backends, 8022, { to, port: 81 });
  });

  test("a NodePort from outside, masqueraded on its way", async () => {
    await exchange(lab.outside, processEndpoint(lab.peer), backends, 8023, { to: nodeAddress(1).v4, port: 30_083 });
  });

  test("a NodePort from outside, IPv6", async () => {
    await exchange(lab.outside, processEndpoint(lab.peer), backends, 8024, { to: nodeAddress(1).v6, port: 30_084 });
  });

  test("a pod that reaches itself through its Service", async () => {
    const to = self.clusterIP?.v4 as string;
    await exchange(loner.place, container(loner), [loner], 8025, { to, port: 84 });
  });

  for (const version of ["v4", "v6"] as const) {
    test(`the node's connection tracking knows the backend that IPVS chose, ${version}`, async (t) => {
      const to = web.clusterIP?.[version] as string;
      const [port, targetPort] = version === "v4" ? [85, 8026] : [86, 8027];
      const servers = await Promise.all(
        backends.map((pod) => PeerServer.start(pod.place, { port: targetPort, read: 7, respond: 11 })),
      );
      t.after(() => Promise.all(servers.map((server) => server.stop())));
      const held = await PeerClient.start(client.place, {
        to,
        port,
        count: CONNECTIONS,
        send: 7,
        expect: 11,
        hold: true,
      });
      t.after(() => held.stop());
      await held.holding();
      const ports = await clientPorts(["nsenter", `--net=${client.place.netns}`, "--"], port);
      assert.equal(ports.length, CONNECTIONS);
      const questions = ports.map((source) => tuple(client.address[version], source, to, port));
      const enter = ["nsenter", `--net=${lab.node("n1").host.netns}`, "--"];
      const { answers, stats } = await askConntrack(enter, questions, "original");
      assert.deepEqual(stats, { found: CONNECTIONS, absent: 0, refused: 0, failed: 0 });
      const addresses = backends.map((pod) => words(pod.address[version]).join());
      const chosen = answers.map(({ reply, translated }) => {
        assert.equal(translated, true);
        assert.equal(reply.sourcePort, targetPort);
        return reply.source.join();
      });
      assert.deepEqual([...new Set(chosen)].sort(), addresses.sort());
      // And back: who is behind what the backend answers to.
      const { answers: behind } = await askConntrack(
        enter,
        answers.map(({ reply }) => reply),
        "reply",
      );
      assert.deepEqual(
        behind.map(({ original }) => original),
        questions.map((question) => ({ ...question, transport: 6 })),
      );
    });
  }

  test("nothing was lost, and nothing came on top", () => expectations.stillHold());
}

type Target = Pick<PeerClientOptions, "to" | "port">;
