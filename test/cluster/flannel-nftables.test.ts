import { describeCluster } from "./cluster-suite.ts";
import { journeys, journeysByNode1 } from "./journeys.ts";

describeCluster(
  "a cluster with Flannel and nftables",
  { network: "flannel", proxy: "nftables", cgroups: "private" },
  { usual: journeys({ routed: false }), frozen: journeysByNode1() },
);
