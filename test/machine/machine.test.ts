import { describeCluster } from "../cluster/cluster-suite.ts";

describeCluster("a cluster with a machine and IPVS", {
  machine: true,
  network: "routes",
  proxy: "iptables",
  cgroups: "namespace",
});
