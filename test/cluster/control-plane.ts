import { join } from "node:path";
import { ApiServer } from "../rig/api-server.ts";
import { Process } from "../rig/process.ts";
import { toolPath } from "../rig/tools.ts";
import { API_SERVICE, HOST_ADDRESS, POD_CIDR, SERVICE_CIDR } from "./addressing.ts";

/** The API server with its etcd, the controller manager and the scheduler: processes of this host, on its leg in the nodes' LAN. */
export class ControlPlane {
  readonly api: ApiServer;
  readonly #processes: readonly Process[];

  /** Returns when the API server is ready. */
  static async start(logs: string): Promise<ControlPlane> {
    const api = await ApiServer.start({
      bindAddress: HOST_ADDRESS,
      advertiseAddress: HOST_ADDRESS,
      addresses: [API_SERVICE, "kubernetes.default", "kubernetes.default.svc.cluster.local"],
      serviceCidrs: SERVICE_CIDR,
      wholeCluster: true,
    });
    const start = async (program: "kube-scheduler" | "kube-controller-manager", flags: readonly string[]) => {
      const kubeconfig = api.certificateKubeconfig({ commonName: `system:${program}` });
      const access = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"];
      return await Process.start({
        command: [
          await toolPath("kubelet", program),
          ...access.map((flag) => `--${flag}=${kubeconfig}`),
          ...["--leader-elect=false", "--kube-api-qps=300", "--kube-api-burst=600", "--secure-port=0"],
          ...flags,
        ],
        logFile: join(logs, `${program}.log`),
      });
    };
    try {
      const manager = await start("kube-controller-manager", [
        `--service-account-private-key-file=${api.tokenKeyFile}`,
        `--root-ca-file=${api.caFile}`,
        "--use-service-account-credentials=true",
        "--allocate-node-cidrs=true",
        `--cluster-cidr=${POD_CIDR}`,
        `--service-cluster-ip-range=${SERVICE_CIDR}`,
      ]);
      return new ControlPlane(api, [manager, await start("kube-scheduler", [])]);
    } catch (error) {
      await api.stop();
      throw error;
    }
  }

  private constructor(api: ApiServer, processes: readonly Process[]) {
    this.api = api;
    this.#processes = processes;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
    await this.api.stop();
  }
}
