import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { bookmark, event, list } from "../kubernetes/api-bytes.ts";
import { objectBytes } from "../kubernetes/object-bytes.ts";
import { answerList, streamWatch } from "../kubernetes/unruly-server.ts";
import { kubeconfig } from "../rig/kubeconfig.ts";
import type { KubernetesObject } from "../rig/kubernetes-client.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

const KINDS: Readonly<Record<string, string>> = {
  pods: "Pod",
  services: "Service",
  nodes: "Node",
  endpointslices: "EndpointSlice",
};

/**
 * Stands in for an API server where there is none, as in the guests with other kernels: each watch gets the objects as they are when it
 * begins, and nothing after. What the agents make of a real one is tested where there is one.
 */
export class FrozenApi {
  readonly #server: Server;
  readonly #directory = new ScratchDirectory();

  /** Listens on all addresses of this host. */
  static async start(objects: () => readonly KubernetesObject[]): Promise<FrozenApi> {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? "", "http://localhost");
      const kind = KINDS[url.pathname.split("/").at(-1) ?? ""];
      const own = objects().filter((object) => object.kind === kind);
      if (!url.searchParams.has("watch")) return answerList(response, list(own.map(objectBytes), 1));
      const isList = url.searchParams.has("sendInitialEvents");
      const added = isList ? own.map((object) => event("ADDED", objectBytes(object), object.kind)) : [];
      streamWatch(response, ...added, ...(isList ? [bookmark(1, true)] : []));
    });
    server.listen(0, "0.0.0.0");
    await once(server, "listening");
    return new FrozenApi(server);
  }

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Path of a kubeconfig file for who reaches this host at an address. */
  kubeconfig(address: string): string {
    const path = this.#directory.file("frozen.kubeconfig");
    const url = `http://${address}:${(this.#server.address() as AddressInfo).port}`;
    writeFileSync(path, kubeconfig({ url, ca: "" }));
    return path;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    this.#directory.remove();
  }
}
