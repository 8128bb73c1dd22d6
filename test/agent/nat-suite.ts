import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { EdgeExpectations } from "../kernel/expect-edges.ts";
import { edgesAt } from "../kernel/observed-edge.ts";
import { nodeAddress } from "../lab/addressing.ts";
import type { Lab } from "../lab/lab.ts";
import { connectPeer, PeerServer, type PeerTotals } from "../lab/peer.ts";
import type { Place } from "../lab/place.ts";
import type { Pod } from "../lab/pod.ts";
import type { Service } from "../lab/service.ts";
import type { Sample } from "../rig/exposition.ts";
import { NodeAgents } from "./node-agents.ts";

// Primes, so that no sum or double comes out by accident.
const CONNECTIONS = 23;
const REQUEST_BYTES = 1_009;
const RESPONSE_BYTES = 7_919;

/** A lab of two nodes, with this host connected, and what agents need to follow its objects. */
export interface NatWorld {
  readonly lab: Lab;
  readonly kubeconfig: string;
  down(): Promise<void>;
}

interface Journey {
  readonly title: string;
  readonly from: () => Place;
  /** As the agents name it. */
  readonly client: string;
  readonly to: (version: "v4" | "v6") => string;
  /** What it asks for, by IP version. */
  readonly ports: Readonly<Record<"v4" | "v6", number>>;
  readonly targetPorts: Readonly<Record<"v4" | "v6", number>>;
  readonly service: "web" | "web-local";
}

/** Of what it leaves to another agent, one has an edge with the server's own round trip times, and else nothing. */
const isCounted = ({ name, value }: Sample) => value !== 0 && !name.startsWith("weir_tcp_");

/**
 * Services in front of backends on both nodes, with the agents of both: what they say, added up, is what the programs say that
 * they sent, whichever of the two saw which end and whatever stands between them.
 */
export function describeNat(title: string, skip: string | false, setUp: () => Promise<NatWorld>): void {
  describe(title, { skip }, () => {
    let world: NatWorld;
    let agents: NodeAgents;
    let expectations: EdgeExpectations;
    let client: Pod;
    let backends: readonly Pod[];
    let services: Readonly<Record<"web" | "web-local", Service>>;

    before(async () => {
      world = await setUp();
      const { lab, kubeconfig } = world;
      client = await lab.pod({ namespace: "shop", name: "client", node: "n1" });
      backends = (await lab.workload({ kind: "Deployment", namespace: "shop", name: "web", nodes: ["n1", "n2", "n2"] }))
        .pods;
      const spec = { namespace: "shop", selector: { app: "web" } };
      services = {
        web: await lab.service({
          ...{ ...spec, name: "web" },
          ports: [
            { name: "pod-v4", port: 80, targetPort: 8021 },
            { name: "pod-v6", port: 81, targetPort: 8022 },
            { name: "node-v4", port: 82, targetPort: 8023 },
            { name: "node-v6", port: 83, targetPort: 8024 },
            { name: "out-v4", port: 84, targetPort: 8025, nodePort: 30_084 },
            { name: "out-v6", port: 85, targetPort: 8026, nodePort: 30_085 },
          ],
        }),
        "web-local": await lab.service({
          ...{ ...spec, name: "web-local", localOnly: true },
          ports: [
            { name: "out-v4", port: 86, targetPort: 8027, nodePort: 30_086 },
            { name: "out-v6", port: 87, targetPort: 8028, nodePort: 30_087 },
          ],
        }),
      };
      agents = await NodeAgents.start({ lab, kubeconfig, flags: ["--flows.sweep-interval", "1s"] });
      expectations = new EdgeExpectations({ metrics: async () => (await agents.metrics()).filter(isCounted) });
    });
    after(async () => {
      await agents?.kill();
      await world?.down();
    });

    const clusterIP = (version: "v4" | "v6") => services.web.clusterIP?.[version] as string;
    const journeys: readonly Journey[] = [
      {
        title: "from a pod to a ClusterIP, not masqueraded",
        ...{ from: () => client.place, client: "shop/Pod/client", to: clusterIP, service: "web" },
        ...{ ports: { v4: 80, v6: 81 }, targetPorts: { v4: 8021, v6: 8022 } },
      },
      {
        title: "from a node to a ClusterIP, masqueraded",
        ...{ from: () => world.lab.node("n1").host, client: "Node/n1", to: clusterIP, service: "web" },
        ...{ ports: { v4: 82, v6: 83 }, targetPorts: { v4: 8023, v6: 8024 } },
      },
      {
        title: "from outside to a NodePort, masqueraded",
        ...{ from: () => world.lab.outside, client: "External/private", service: "web" },
        ...{ to: (version) => nodeAddress(1)[version] },
        ...{ ports: { v4: 30_084, v6: 30_085 }, targetPorts: { v4: 8025, v6: 8026 } },
      },
      {
        title: "from outside to a NodePort that keeps the source, not masqueraded",
        ...{ from: () => world.lab.outside, client: "External/private", service: "web-local" },
        ...{ to: (version) => nodeAddress(2)[version] },
        ...{ ports: { v4: 30_086, v6: 30_087 }, targetPorts: { v4: 8027, v6: 8028 } },
      },
    ];

    for (const { title, from, client: clientName, to, ports, targetPorts, service } of journeys) {
      for (const version of ["v4", "v6"] as const) {
        test(`${title}, ${version}`, async () => {
          const options = { port: targetPorts[version], read: REQUEST_BYTES, respond: RESPONSE_BYTES };
          const servers = await Promise.all(backends.map((pod) => PeerServer.start(pod.place, options)));
          const traffic = { count: CONNECTIONS, send: REQUEST_BYTES, expect: RESPONSE_BYTES };
          const made = await connectPeer(from(), { to: to(version), port: ports[version], ...traffic });
          const served = await Promise.all(servers.map((server) => server.stop()));
          const sum = (of: (totals: PeerTotals) => number) => served.reduce((total, totals) => total + of(totals), 0);
          assert.deepEqual([made.closed, made.failed], [CONNECTIONS, 0]);
          assert.equal(
            sum(({ closed }) => closed),
            CONNECTIONS,
          );
          assert.equal(
            sum(({ bytesReceived }) => bytesReceived),
            made.bytesSent,
          );
          await expectations.meet(targetPorts[version], [
            {
              client: clientName,
              server: "shop/Deployment/web",
              service,
              opened: made.opened,
              closed: made.closed,
              active: 0,
              failed: {},
              requestBytes: made.bytesSent,
              responseBytes: made.bytesReceived,
            },
          ]);
          assert.deepEqual(
            edgesAt(ports[version], (await agents.metrics()).filter(isCounted)),
            [],
            "edges to the port that was asked for",
          );
        });
      }
    }

    test("nothing was lost, and nothing came on top", () => expectations.stillHold());
  });
}
