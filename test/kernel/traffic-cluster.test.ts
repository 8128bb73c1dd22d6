import { after } from "node:test";
import { SERVICE_CIDR } from "../lab/addressing.ts";
import { Lab } from "../lab/lab.ts";
import type { Pod } from "../lab/pod.ts";
import { ApiServer } from "../rig/api-server.ts";
import { skipWithout } from "../rig/tools.ts";
import { describeTraffic, type Naming } from "./traffic-suite.ts";

const workloadOf = (pod: Pod) => (pod.name === "client" ? "shop/Pod/client" : "shop/Deployment/web");

const naming: Naming = {
  pod: workloadOf,
  service: ({ name }) => name,
  outside: "Node/n1",
  nobody: "External/private",
  unanswered: workloadOf,
};

let server: ApiServer | undefined;
after(async () => {
  await server?.stop();
});

describeTraffic("the agent with a real API server", { skip: skipWithout("kubernetes", "etcd") }, async () => {
  server = await ApiServer.start({ serviceCidrs: `${SERVICE_CIDR.v4},${SERVICE_CIDR.v6}` });
  return {
    lab: await Lab.up({ store: server.admin }),
    flags: [`--kubernetes.kubeconfig=${server.adminKubeconfig}`, "--node-name=n1"],
    naming,
  };
});
