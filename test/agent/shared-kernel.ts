import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CgroupTree, cgroupMount } from "../lab/cgroup-tree.ts";
import { Place } from "../lab/place.ts";
import { Program } from "../lab/program.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { type AgentContainer, inContainer } from "./agent-container.ts";

/** What sets the nodes apart, and what an agent's own container adds: see `SharedKernel.agent()`. */
export type AgentView = Omit<AgentContainer, "node" | "container">;

/** Nodes that share this kernel: each has a part of the cgroup v2 hierarchy and a network namespace, with no more than a loopback device. */
export class SharedKernel {
  readonly #t: Pick<TestContext, "after">;
  readonly #root: string;

  private constructor(t: Pick<TestContext, "after">, root: string) {
    this.#t = t;
    this.#root = root;
  }

  /** Goes with the test, and everything in it. */
  static async create(t: Pick<TestContext, "after">): Promise<SharedKernel> {
    const root = join(await cgroupMount(), `weir-shared-${randomBytes(4).toString("hex")}`);
    const tree = await CgroupTree.find();
    t.after(() => tree.remove(root));
    return new SharedKernel(t, root);
  }

  /** A place with a network namespace of its own: `n1` is a node, `n1/kubepods/podUID/ID` a container of a pod on it. */
  async place(path: string): Promise<Place> {
    const up = "ip link set lo up && echo up && exec sleep infinity";
    const keeper = Program.start(["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--net", "--", "sh", "-c", up]);
    this.#t.after(() => keeper.stop("SIGKILL"));
    await keeper.waitForOutput(/up/);
    return new Place(`/proc/${keeper.pid}/ns/net`, await this.cgroup(path));
  }

  /** Absolute path of a directory of the hierarchy, made if it is not there. */
  async cgroup(path: string): Promise<string> {
    const full = join(this.#root, path);
    await mkdir(full, { recursive: true });
    return full;
  }

  /** An agent in a container of a pod on a node. It is in this process's network namespace, so that its metrics can be read. */
  async agent(node: Place, container: string, view: AgentView): Promise<AgentProcess> {
    const agent = await AgentProcess.start({
      ...inContainer({ ...view, node, container: new Place(`/proc/${process.pid}/ns/net`, container) }),
      flags: ["--kubernetes.enabled=false", "--flows.sweep-interval", "500ms"],
    });
    this.#t.after(() => agent.kill());
    await agent.ready();
    return agent;
  }
}
