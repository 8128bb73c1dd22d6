import { Program, type ProgramOptions } from "../lab/program.ts";

/** Where programs run inside a pod's container: each is started there by the kubelet, as `kubectl exec` does. */
export class PodPlace {
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly #kubectl: readonly string[];

  constructor(kubectl: readonly string[], pod: { namespace: string; name: string; address: string }) {
    this.#kubectl = kubectl;
    this.namespace = pod.namespace;
    this.name = pod.name;
    this.address = pod.address;
  }

  /** `Program.pid` is kubectl's; the program ends by itself. */
  start(argv: readonly string[], options: ProgramOptions = {}): Program {
    return Program.start([...this.#kubectl, "--namespace", this.namespace, "exec", this.name, "--", ...argv], options);
  }

  /** Runs a program to its end and gives what it printed. Throws, with standard error, unless it exits with 0. */
  mustRun(argv: readonly string[]): Promise<string> {
    return Program.mustRun([...this.#kubectl, "--namespace", this.namespace, "exec", this.name, "--", ...argv]);
  }

  /** Asks the cluster's DNS, as every program of the pod does. */
  async resolve(name: string): Promise<string> {
    const answer = await this.mustRun(["nslookup", "-type=a", name]);
    const address = /^Name:\s.*\nAddress: (\S+)$/m.exec(answer)?.[1];
    if (address === undefined) throw new Error(`Cannot resolve ${name} in pod ${this.name}: the answer is ${answer}`);
    return address;
  }
}
