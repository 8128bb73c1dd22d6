import { fileURLToPath } from "node:url";
import { Program } from "../lab/program.ts";
import { compiledBpf } from "../native/compile-bpf.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

const SOURCE = fileURLToPath(new URL("socket-balancer.c", import.meta.url));

export interface Balanced {
  /** Directory of the cgroup v2 hierarchy: what runs there, or below, is balanced. */
  readonly cgroup: string;
  readonly service: string;
  readonly servicePort: number;
  /** Of the same IP version. */
  readonly backend: string;
  readonly backendPort: number;
}

/** A balancer at the socket: a real program at `cgroup/connect4` or `connect6`, as Cilium's, that puts a backend's address in the place of a Service's. */
export class SocketBalancer {
  readonly #program: Program;
  readonly #directory: ScratchDirectory;

  /** Returns when it is at work. It ends with this process, if not before. */
  static async start(balanced: Balanced): Promise<SocketBalancer> {
    const { cgroup, service, servicePort, backend, backendPort } = balanced;
    const directory = new ScratchDirectory();
    try {
      const binary = directory.file("socket-balancer");
      await Program.mustRun(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", binary, SOURCE, "-lbpf"]);
      const object = compiledBpf("../kernel/socket-balancer.bpf.c");
      const address = [service, String(servicePort), backend, String(backendPort)];
      const kill = ["setpriv", "--pdeathsig", "KILL", "--"];
      const program = Program.start([...kill, binary, object, cgroup, ...address]);
      await program.waitForOutput(/^balancing$/m);
      return new SocketBalancer(program, directory);
    } catch (error) {
      directory.remove();
      throw error;
    }
  }

  private constructor(program: Program, directory: ScratchDirectory) {
    this.#program = program;
    this.#directory = directory;
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    this.#directory.remove();
  }
}
