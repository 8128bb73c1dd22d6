import { describeCluster } from "./cluster-suite.ts";

describeCluster("a cluster with routes and iptables", { network: "routes", proxy: "iptables", cgroups: "namespace" });
