import { describeCluster } from "../cluster/cluster-suite.ts";
import { journeysByMachine } from "../cluster/journeys.ts";

// What has nothing to do with the machine is seen without one.
describeCluster(
  "a cluster with a machine and IPVS",
  { machine: true, network: "routes", proxy: "iptables", cgroups: "namespace" },
  { usual: journeysByMachine(), frozen: [] },
);
