import { HOST, SERVICE_CIDR } from "../lab/addressing.ts";
import { Lab } from "../lab/lab.ts";
import { ApiServer } from "../rig/api-server.ts";
import { skipWithout } from "../rig/tools.ts";
import { describeNat } from "./nat-suite.ts";
import { REACHABLE } from "./node-agents.ts";

const skip = skipWithout("kubernetes", "etcd");

for (const proxy of ["iptables", "nftables"] as const) {
  describeNat(`the agents of two nodes and Services by ${proxy}`, skip, async () => {
    const server = await ApiServer.start({ ...REACHABLE, serviceCidrs: `${SERVICE_CIDR.v4},${SERVICE_CIDR.v6}` });
    const lab = await Lab.up({ proxy, store: server.admin, connectHost: true });
    const account = { commonName: "weir-agent", organization: "system:masters" };
    const kubeconfig = server.certificateKubeconfig(account, HOST.v4);
    return { lab, kubeconfig, down: () => lab.down().then(() => server.stop()) };
  });
}
