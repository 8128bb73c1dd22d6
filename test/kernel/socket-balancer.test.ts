import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SERVICE_CIDR } from "../lab/addressing.ts";
import { Lab } from "../lab/lab.ts";
import { connectPeer, PeerServer } from "../lab/peer.ts";
import type { Pod } from "../lab/pod.ts";
import type { Service } from "../lab/service.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { ApiServer } from "../rig/api-server.ts";
import { skipWithout } from "../rig/tools.ts";
import { EdgeExpectations } from "./expect-edges.ts";
import { edgesAt } from "./observed-edge.ts";
import { SocketBalancer } from "./socket-balancer.ts";

// Primes, so that no sum or double comes out by accident.
const [TO_FAR, TO_NEAR, PAST_IT] = [23, 29, 31];
const REQUEST_BYTES = 1_009;
const RESPONSE_BYTES = 7_919;
const [SERVICE_PORT, PORT] = [8180, 8017];

describe("a balancer at the socket that puts a backend's address in the place of the Service's", {
  skip: skipWithout("kubernetes", "etcd"),
}, () => {
  let server: ApiServer;
  let lab: Lab;
  let agent: AgentProcess;
  let client: Pod;
  let near: Pod;
  let far: Pod;
  let service: Service;

  before(async () => {
    server = await ApiServer.start({ serviceCidrs: `${SERVICE_CIDR.v4},${SERVICE_CIDR.v6}` });
    lab = await Lab.up({ store: server.admin });
    client = await lab.pod({ namespace: "shop", name: "client", node: "n1" });
    const web = await lab.workload({ kind: "Deployment", namespace: "shop", name: "web", nodes: ["n1", "n2"] });
    [near, far] = web.pods as [Pod, Pod];
    service = await lab.service({
      namespace: "shop",
      name: "web",
      selector: { app: "web" },
      ports: [{ port: SERVICE_PORT, targetPort: PORT }],
    });
    agent = await AgentProcess.start({
      flags: ["--flows.sweep-interval=1s", `--kubernetes.kubeconfig=${server.adminKubeconfig}`, "--node-name=n1"],
    });
    await agent.ready();
  });
  after(async () => {
    await agent?.stop();
    await lab?.down();
    await server?.stop();
  });

  async function balanced(to: "v4" | "v6", backend: Pod): Promise<SocketBalancer> {
    return await SocketBalancer.start({
      cgroup: client.cgroup,
      service: service.clusterIP?.[to] ?? "",
      servicePort: SERVICE_PORT,
      backend: backend.address[to],
      backendPort: PORT,
    });
  }

  test("an edge has the backend that the balancer chose, and its port, once, and no Service", async () => {
    const options = { port: PORT, read: REQUEST_BYTES, respond: RESPONSE_BYTES };
    const servers = await Promise.all([near, far].map((pod) => PeerServer.start(pod.place, options)));
    const balancers = [await balanced("v4", far), await balanced("v6", near)];
    const connect = async (to: "v4" | "v6", count: number) => {
      const traffic = { port: SERVICE_PORT, count, send: REQUEST_BYTES, expect: RESPONSE_BYTES };
      const { closed } = await connectPeer(client.place, { to: service.clusterIP?.[to] ?? "", ...traffic });
      assert.equal(closed, count);
    };
    await connect("v4", TO_FAR);
    await connect("v6", TO_NEAR);
    for (const balancer of balancers) await balancer.stop();
    // and one that nobody balances at the socket
    await connect("v4", PAST_IT);
    const [atNear = 0, atFar = 0] = await Promise.all(servers.map(async (each) => (await each.stop()).opened));
    assert.equal(atNear + atFar, TO_FAR + TO_NEAR + PAST_IT);
    assert.ok(atNear >= TO_NEAR && atFar >= TO_FAR, `they went where the balancer sent them: ${[atNear, atFar]}`);

    const edge = (by: string, connections: number) => ({
      client: "shop/Pod/client",
      server: "shop/Deployment/web",
      service: by,
      opened: connections,
      closed: connections,
      active: 0,
      failed: {},
      requestBytes: connections * REQUEST_BYTES,
      responseBytes: connections * RESPONSE_BYTES,
    });
    await new EdgeExpectations(agent).meet(PORT, [edge("", TO_FAR + TO_NEAR), edge("web", PAST_IT)]);
    assert.deepEqual(edgesAt(SERVICE_PORT, await agent.metrics()), []);
  });
});
