import { describeCluster } from "./cluster-suite.ts";

describeCluster("a cluster with Flannel and nftables", { network: "flannel", proxy: "nftables", cgroups: "private" });
