import { describeCluster } from "./cluster-suite.ts";
import { journeys, journeysByNode1 } from "./journeys.ts";

describeCluster(
  "a cluster with routes and iptables",
  { network: "routes", proxy: "iptables", cgroups: "namespace" },
  { usual: journeys({ routed: true }), frozen: journeysByNode1() },
);
