import { Lab } from "../lab/lab.ts";
import type { Pod } from "../lab/pod.ts";
import { processEndpoint } from "./process-endpoint.ts";
import { describeTraffic } from "./traffic-suite.ts";

describeTraffic("the agent without a cluster", { skip: process.getuid?.() === 0 ? false : "needs root" }, async () => {
  const lab = await Lab.up();
  return {
    lab,
    flags: ["--kubernetes.enabled=false", "--node-name=lab-host"],
    // Without a cluster pods are containers, named by their cgroup; an address alone names nobody in particular.
    naming: {
      pod: (pod: Pod, container?: string) => `Container/${pod.container(container).id.slice(0, 12)}`,
      service: () => "",
      outside: processEndpoint(lab.peer),
      nobody: "External/private",
      unanswered: () => "Node/lab-host",
    },
  };
});
