import type { AnswerVersion } from "./answer-version.ts";
import type { PodRecord } from "./directory-entries.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * The nodes whose sockets another agent counts: those with a ready pod of the workload that this agent's own pod is of.
 * Where this agent's pod is not known, no other agent is either, and what is seen here is counted here.
 */
export class PeerAgents {
  readonly #ownPodUid: string;
  readonly #version: AnswerVersion;
  #own: Endpoint | undefined;
  /** Node to the UID of the agent's pod there. */
  readonly #byNode = new Map<string, string>();

  constructor(ownPodUid: string, version: AnswerVersion) {
    this.#ownPodUid = ownPodUid;
    this.#version = version;
  }

  get size(): number {
    return this.#byNode.size;
  }

  isOn(nodeName: string): boolean {
    return this.#byNode.has(nodeName);
  }

  /** News of a pod. Where it is this agent's own, `everyPod` tells of all that came before it. */
  see(pod: PodRecord, everyPod: Iterable<PodRecord>): void {
    if (pod.uid === this.#ownPodUid && pod.endpoint !== this.#own) {
      this.#own = pod.endpoint;
      for (const each of everyPod) this.#take(each);
    } else if (this.#own !== undefined) {
      this.#take(pod);
    }
  }

  #take(pod: PodRecord): void {
    const { uid, nodeName } = pod;
    const counts = pod.endpoint === this.#own && pod.isReady && pod.deletedMs === 0 && nodeName !== "";
    const known = this.#byNode.get(nodeName);
    if (counts === (known === uid)) return;
    if (counts) this.#byNode.set(nodeName, uid);
    else this.#byNode.delete(nodeName);
    if (known === undefined || !counts) this.#version.bump();
  }
}
