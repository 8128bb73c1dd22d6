import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { rmdir } from "node:fs/promises";
import { suite, test } from "node:test";
import { connectPeer, PeerClient, PeerServer } from "../lab/peer.ts";
import { Place } from "../lab/place.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { freePort } from "../rig/free-port.ts";
import { type AgentView, SharedKernel } from "./shared-kernel.ts";

const OPENED = "weir_connections_opened_total";
const CLOSED = "weir_connections_closed_total";
const ACTIVE = "weir_connections_active";
const IO = "weir_flow_io_bytes_total";
const ELSEWHERE = "weir_agent_other_nodes_connections_total";

/** All that Weir asks for. */
const CAPABILITIES = ["bpf", "perfmon", "net_admin"];

const VIEWS: Readonly<Record<string, AgentView>> = {
  "on nodes without cgroup namespaces": { nodeNamespace: false, containerNamespace: false },
  "on nodes with cgroup namespaces": { nodeNamespace: true, containerNamespace: false },
  "in an unprivileged pod, whose own cgroup is /": {
    nodeNamespace: true,
    containerNamespace: true,
    capabilities: CAPABILITIES,
  },
};

interface Spot {
  readonly place: Place;
  readonly containerId: string;
  readonly port: number;
}

suite("the agent on a kernel that several nodes share", {
  skip: process.getuid?.() === 0 ? false : "needs root",
}, () => {
  for (const [title, view] of Object.entries(VIEWS)) {
    test(`${title}: it measures its own node's sockets, older ones too, and counts the others`, async (t) => {
      const kernel = await SharedKernel.create(t);
      const spot = async (path: string, containerId = ""): Promise<Spot> => {
        const place = await kernel.place(path);
        return { place, containerId, port: await freePort() };
      };
      const container = (node: string) => {
        const id = randomBytes(32).toString("hex");
        return spot(`${node}/kubepods/burstable/pod${randomUUID()}/${id}`, id);
      };
      const [node, pod] = [await spot("n1"), await container("n1")];
      const [otherNode, otherPod] = [await spot("n2"), await container("n2")];
      const hostNetwork = { ...(await container("n1")), port: await freePort() };
      const shared = { ...hostNetwork, place: new Place(node.place.netns, hostNetwork.place.cgroup) };
      const own = await kernel.cgroup(`n1/kubepods/pod${randomUUID()}/${randomBytes(32).toString("hex")}`);

      for (const { place, port } of [node, pod, otherNode, otherPod, shared]) await PeerServer.start(place, { port });
      const older = await Promise.all([pod, otherPod].map(({ place, port }) => hold(place, port)));
      const agent = await kernel.agent(node.place, own, view);
      const said = agent.log().find(({ msg }) => msg.startsWith("measuring one node of several"));
      assert.match(String(said?.["cgroup"]), /\/n1$/);

      await agent.waitForSum(ACTIVE, { server_port: String(pod.port) }, 2);
      const before = await agent.sum(ELSEWHERE);
      for (const [{ place, port }, count] of [
        [node, 23],
        [otherNode, 29],
        [pod, 31],
        [otherPod, 37],
        [shared, 41],
      ] as const) {
        await connectPeer(place, { to: "127.0.0.1", port, count, send: 1009, halfClose: true });
      }
      await agent.waitForSum(CLOSED, { server_port: String(shared.port) }, 41);
      await agent.waitForSum(CLOSED, { server_port: String(pod.port) }, 31);
      await agent.waitForSum(CLOSED, { server_port: String(node.port) }, 23);
      assert.equal(await agent.sum(IO, { server_port: String(node.port), direction: "request" }), 23 * 1009);
      for (const { port } of [otherNode, otherPod]) {
        assert.deepEqual(await agent.metrics(OPENED, { server_port: String(port) }), []);
        assert.deepEqual(await agent.metrics(ACTIVE, { server_port: String(port) }), []);
      }
      // both halves of each; whatever else goes on on this host comes on top
      assert.ok((await agent.sum(ELSEWHERE)) >= before + 2 * (29 + 37));
      assert.ok(before >= 2 * 2, "the older ones");

      for (const { containerId, port } of [pod, shared]) {
        const name = containerId.slice(0, 12);
        const [series, ...more] = await agent.metrics(CLOSED, { server_port: String(port) });
        assert.deepEqual(more, []);
        assert.deepEqual([series?.labels["client_workload"], series?.labels["server_workload"]], [name, name]);
      }
      assert.equal(
        (await agent.metrics(CLOSED, { server_port: String(node.port) }))[0]?.labels["server_kind"],
        "Process",
      );
      for (const client of older) await client.stop();
      await agent.waitForSum(CLOSED, { server_port: String(pod.port) }, 31 + 2);
      assert.equal((await agent.stop()).code, 0);
    });
  }

  test("a cgroup that is gone as soon as its only process is names that process's connections", async (t) => {
    const kernel = await SharedKernel.create(t);
    const agent = await AgentProcess.startReady({ flags: ["--kubernetes.enabled=false"] });
    t.after(() => agent.kill());
    const server = await kernel.place("server");
    const port = await freePort();
    await PeerServer.start(server, { port });
    for (let round = 0; round < 7; round++) {
      const id = randomBytes(32).toString("hex");
      const cgroup = await kernel.cgroup(`kubepods/pod${randomUUID()}/${id}`);
      const client = new Place(server.netns, cgroup);
      await connectPeer(client, { to: "127.0.0.1", port, count: 3 });
      await rmdir(cgroup);
      const labels = { server_port: String(port), client_kind: "Container", client_workload: id.slice(0, 12) };
      await agent.waitForSum(CLOSED, labels, 3);
    }
    assert.equal(await agent.sum(CLOSED, { server_port: String(port) }), 21);
    assert.equal(await agent.sum(ELSEWHERE), 0);
    assert.equal((await agent.stop()).code, 0);
  });
});

async function hold(place: Place, port: number): Promise<PeerClient> {
  const client = await PeerClient.start(place, { to: "127.0.0.1", port, count: 2, send: 1, hold: true });
  await client.holding();
  return client;
}
