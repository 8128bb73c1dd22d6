import { nodeAddress, OUTSIDE_ADDRESS } from "./addressing.ts";
import { BALANCER_IP, EXTERNAL_IP, NODE_PORT, PORT, SERVICE_PORT } from "./shop.ts";

/** `POD@NODE` by the label `app`, a node's own system, or the host outside. */
export type Traveller = `${string}@${string}` | "n1" | "n2" | "n3" | "n4" | "outside";

/** A name that the traveller's pod resolves, a pod's address, or an address as it is. */
export type Destination = { readonly dns: string } | { readonly pod: string } | { readonly address: string };

/** Connections of one kind from one place to another, and the one series that they are in, summed over all agents. */
export interface Journey {
  readonly from: Traveller;
  readonly to: Destination;
  readonly port: number;
  readonly connections: number;
  /** `NAMESPACE/KIND/WORKLOAD`, the namespace left out where there is none. */
  readonly client: string;
  readonly server: string;
  /** Empty where the client used no Service's address. */
  readonly service: string;
  /** Where the server listens. */
  readonly serverPort: number;
}

/** Whether pods' addresses are known outside, or hidden behind their nodes'. */
export interface JourneyOptions {
  readonly routed: boolean;
}

const BUYER = "shop/Deployment/buyer";
const WEB = "shop/Deployment/web";
const DB = "shop/StatefulSet/db";
const TILL = "shop/Deployment/till";
const SCALE = "shop/DaemonSet/scale";
const LONER = "shop/Pod/loner";
const KIOSK = "shop/Deployment/kiosk";
const STALL = "shop/Deployment/stall";
const REPORT = "shop/CronJob/report";
const OUTSIDE = "External/private";
/** The same host, as the EndpointSlice calls what listens there. */
const LEGACY = "shop/External/legacy";
const NODE = { n1: "Node/n1", n2: "Node/n2", n3: "Node/n3", n4: "Node/n4" } as const;

const dns = (name: string) => ({ dns: `${name}.shop.svc.cluster.local` });
const pod = (place: string) => ({ pod: place });
const at = (address: string) => ({ address });
const node = (index: number) => at(nodeAddress(index));

/** Every journey has its own number of connections, a prime, so that one that is missing or in a wrong series shows by that. */
export function journeys({ routed }: JourneyOptions): Journey[] {
  const rows: (Row | false)[] = [
    // from, to, port, connections | client, server, service, port

    // Pods by their addresses: on one node, and across.
    ["buyer@n1", pod("web@n1"), PORT.web, 3, BUYER, WEB, "", PORT.web],
    ["buyer@n1", pod("web@n2"), PORT.web, 5, BUYER, WEB, "", PORT.web],
    ["n1", pod("web@n1"), PORT.web, 7, NODE.n1, WEB, "", PORT.web],
    ["n3", pod("web@n2"), PORT.web, 11, NODE.n3, WEB, "", PORT.web],
    routed && ["outside", pod("web@n1"), PORT.web, 13, OUTSIDE, WEB, "", PORT.web],

    // A ClusterIP, whose backends are on this node and on another one, or both on others.
    ["buyer@n1", dns("web"), SERVICE_PORT, 17, BUYER, WEB, "web", PORT.web],
    ["buyer@n3", dns("web"), SERVICE_PORT, 19, BUYER, WEB, "web", PORT.web],
    ["n1", dns("web"), SERVICE_PORT, 23, NODE.n1, WEB, "web", PORT.web],
    ["scale@n3", dns("web"), SERVICE_PORT, 29, SCALE, WEB, "web", PORT.web],
    ["report@", dns("web"), SERVICE_PORT, 31, REPORT, WEB, "web", PORT.web],
    ["buyer@n2", dns("web-sticky"), SERVICE_PORT, 37, BUYER, WEB, "web-sticky", PORT.web],
    ["loner@n3", dns("loner"), SERVICE_PORT, 41, LONER, LONER, "loner", PORT.loner],

    // Headless: the name is a pod's.
    ["buyer@n1", dns("db-0.db"), PORT.db, 43, BUYER, DB, "", PORT.db],
    ["buyer@n3", dns("db-1.db"), PORT.db, 47, BUYER, DB, "", PORT.db],
    ["n2", dns("db-0.db"), PORT.db, 53, NODE.n2, DB, "", PORT.db],

    // Pods in the nodes' network, as servers.
    ["buyer@n1", node(1), PORT.scale, 59, BUYER, SCALE, "", PORT.scale],
    ["buyer@n1", node(2), PORT.scale, 61, BUYER, SCALE, "", PORT.scale],
    ["n3", node(1), PORT.scale, 67, NODE.n3, SCALE, "", PORT.scale],
    ["outside", node(3), PORT.scale, 71, OUTSIDE, SCALE, "", PORT.scale],
    ["buyer@n2", dns("scale"), SERVICE_PORT, 73, BUYER, SCALE, "scale", PORT.scale],

    // NodePorts: `till` is on n2. Where another node was asked, n2 sees that one, whose agent knows whom it forwarded for.
    ["outside", node(2), NODE_PORT.tillLocal, 79, OUTSIDE, TILL, "till-local", PORT.till],
    ["outside", node(2), NODE_PORT.till, 83, OUTSIDE, TILL, "till", PORT.till],
    ["outside", node(1), NODE_PORT.till, 89, OUTSIDE, TILL, "till", PORT.till],
    ["n2", node(2), NODE_PORT.till, 97, NODE.n2, TILL, "till", PORT.till],
    ["buyer@n2", node(2), NODE_PORT.tillLocal, 101, BUYER, TILL, "till-local", PORT.till],
    // From inside to another node's: only that one's connection tracking knows the backend, and it may see the client's node.
    ["buyer@n3", node(1), NODE_PORT.till, 151, BUYER, TILL, "till", PORT.till],
    ["buyer@n2", node(1), NODE_PORT.till, 157, BUYER, TILL, "till", PORT.till],
    ["buyer@n1", node(2), NODE_PORT.tillLocal, 163, BUYER, TILL, "till-local", PORT.till],
    ["n3", node(1), NODE_PORT.till, 167, NODE.n3, TILL, "till", PORT.till],
    ["scale@n3", node(2), NODE_PORT.till, 173, SCALE, TILL, "till", PORT.till],

    // Addresses that the LAN sends to some node.
    ["buyer@n1", at(EXTERNAL_IP), SERVICE_PORT, 107, BUYER, TILL, "till-external", PORT.till],
    ["n3", at(EXTERNAL_IP), SERVICE_PORT, 109, NODE.n3, TILL, "till-external", PORT.till],
    ["outside", at(EXTERNAL_IP), SERVICE_PORT, 113, OUTSIDE, TILL, "till-external", PORT.till],
    ["buyer@n1", at(BALANCER_IP), SERVICE_PORT, 127, BUYER, TILL, "till-balanced", PORT.till],
    ["outside", at(BALANCER_IP), SERVICE_PORT, 131, OUTSIDE, TILL, "till-balanced", PORT.till],

    // Out of the cluster: by a name, and by a Service whose backends were written by hand.
    ["buyer@n1", dns("elsewhere"), PORT.outside, 137, BUYER, LEGACY, "", PORT.outside],
    ["n2", at(OUTSIDE_ADDRESS), PORT.outside, 139, NODE.n2, LEGACY, "", PORT.outside],
    ["buyer@n3", dns("legacy"), SERVICE_PORT, 149, BUYER, LEGACY, "legacy", PORT.outside],
  ];
  return read(rows);
}

/** Journeys about which the agent of n1 is asked by those of n2 and n3. */
export function journeysByNode1(): Journey[] {
  return read([
    ["outside", node(1), NODE_PORT.till, 179, OUTSIDE, TILL, "till", PORT.till],
    ["buyer@n3", node(1), NODE_PORT.till, 181, BUYER, TILL, "till", PORT.till],
    ["n1", pod("till@n2"), PORT.till, 191, NODE.n1, TILL, "", PORT.till],
  ]);
}

/** From, to and through n4, where IPVS stands for Services: `kiosk` is on it, `stall` on it and on n1. */
export function journeysByMachine(): Journey[] {
  return read([
    // Pods by their addresses.
    ["buyer@n4", pod("web@n2"), PORT.web, 277, BUYER, WEB, "", PORT.web],
    ["n4", pod("kiosk@n4"), PORT.kiosk, 281, NODE.n4, KIOSK, "", PORT.kiosk],
    ["buyer@n1", pod("kiosk@n4"), PORT.kiosk, 283, BUYER, KIOSK, "", PORT.kiosk],
    ["n1", pod("kiosk@n4"), PORT.kiosk, 293, NODE.n1, KIOSK, "", PORT.kiosk],
    ["outside", pod("kiosk@n4"), PORT.kiosk, 307, OUTSIDE, KIOSK, "", PORT.kiosk],

    // ClusterIPs: backends elsewhere, here and elsewhere, and here only, where a client is the backend itself.
    ["buyer@n4", dns("web"), SERVICE_PORT, 263, BUYER, WEB, "web", PORT.web],
    ["buyer@n4", dns("stall"), SERVICE_PORT, 269, BUYER, STALL, "stall", PORT.stall],
    ["kiosk@n4", dns("kiosk"), SERVICE_PORT, 271, KIOSK, KIOSK, "kiosk", PORT.kiosk],
    ["n4", dns("web"), SERVICE_PORT, 193, NODE.n4, WEB, "web", PORT.web],
    ["n4", dns("stall"), SERVICE_PORT, 197, NODE.n4, STALL, "stall", PORT.stall],
    ["buyer@n2", dns("kiosk"), SERVICE_PORT, 199, BUYER, KIOSK, "kiosk", PORT.kiosk],
    ["buyer@n3", dns("stall"), SERVICE_PORT, 211, BUYER, STALL, "stall", PORT.stall],
    ["n1", dns("kiosk"), SERVICE_PORT, 223, NODE.n1, KIOSK, "kiosk", PORT.kiosk],

    // NodePorts: another node's pod asked for here, the other way round, and both on this node.
    ["outside", node(4), NODE_PORT.till, 227, OUTSIDE, TILL, "till", PORT.till],
    ["outside", node(1), NODE_PORT.kiosk, 229, OUTSIDE, KIOSK, "kiosk", PORT.kiosk],
    ["outside", node(4), NODE_PORT.kiosk, 233, OUTSIDE, KIOSK, "kiosk", PORT.kiosk],
    ["n4", node(4), NODE_PORT.till, 239, NODE.n4, TILL, "till", PORT.till],
    ["buyer@n4", node(4), NODE_PORT.kiosk, 241, BUYER, KIOSK, "kiosk", PORT.kiosk],

    // Addresses of the LAN, one of which IPVS takes for the node's own.
    ["n4", at(EXTERNAL_IP), SERVICE_PORT, 251, NODE.n4, TILL, "till-external", PORT.till],
    ["n4", at(OUTSIDE_ADDRESS), PORT.outside, 257, NODE.n4, LEGACY, "", PORT.outside],
  ]);
}

function read(rows: readonly (Row | false)[]): Journey[] {
  return rows
    .filter((row) => row !== false)
    .map(([from, to, port, connections, client, server, service, serverPort]) => {
      return { from, to, port, connections, client, server, service, serverPort };
    });
}

type Row = [Traveller, Destination, number, number, string, string, string, number];
