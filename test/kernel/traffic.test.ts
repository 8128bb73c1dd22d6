import { Lab } from "../lab/lab.ts";
import type { Pod } from "../lab/pod.ts";
import { describeTraffic, type Naming } from "./traffic-suite.ts";

// Without a cluster pods are containers, named by their cgroup; an address alone names nobody in particular.
const naming: Naming = {
  pod: (pod: Pod, container?: string) => `Container/${pod.container(container).id.slice(0, 12)}`,
  workload: () => "",
  outside: "",
  nobody: "External/private",
  unanswered: () => "Node/lab-host",
};

describeTraffic("the agent without a cluster", { skip: process.getuid?.() === 0 ? false : "needs root" }, async () => ({
  lab: await Lab.up(),
  flags: ["--kubernetes.enabled=false", "--node-name=lab-host"],
  naming,
  services: false,
}));
