import type { AnswerVersion } from "./answer-version.ts";
import { AskedKeys } from "./asked.ts";
import type { PodEntry } from "./directory-entries.ts";

/** Network namespaces remembered at most; the one learnt first goes first. */
const MAX_NAMESPACES = 16_384;

/**
 * Which pod a network namespace belongs to, learnt from sockets that were identified otherwise (by cgroup, by address), for those that
 * are not: a process outside its container's cgroup, a cgroup that was gone before we looked.
 */
export class NetnsPods {
  readonly #version: AnswerVersion;
  readonly #hostNetns: ReadonlySet<number>;
  readonly #pods = new Map<number, PodEntry>();
  readonly #missed: AskedKeys<number>;

  /** The host's own namespaces belong to no pod, whoever is seen in them. */
  constructor(version: AnswerVersion, hostNetns: ReadonlySet<number>) {
    this.#version = version;
    this.#hostNetns = hostNetns;
    this.#missed = new AskedKeys(version, new Set<number>());
  }

  get size(): number {
    return this.#pods.size;
  }

  learn(netns: number, pod: PodEntry): void {
    const known = this.#pods.get(netns);
    if (known === pod || pod.hostNetwork || netns === 0 || this.#hostNetns.has(netns)) return;
    // The kernel gives inode numbers out again, so a namespace can become another pod's. A deleted pod's last sockets do not take it back.
    if (known !== undefined && known.deletedMs === 0 && pod.deletedMs !== 0) return;
    if (known === undefined) {
      if (this.#pods.size >= MAX_NAMESPACES) this.#forgetOne();
      this.#missed.learnt(netns);
    } else {
      this.#version.bump();
    }
    this.#pods.set(netns, pod);
  }

  /** The pod, for as long as it exists: afterwards its namespace may be anybody's. */
  podOf(netns: number): PodEntry | undefined {
    const pod = this.#pods.get(netns);
    if (pod !== undefined && pod.deletedMs === 0) return pod;
    if (pod !== undefined) this.#pods.delete(netns);
    this.#missed.ask(netns);
    return undefined;
  }

  #forgetOne(): void {
    for (const netns of this.#pods.keys()) {
      this.#pods.delete(netns);
      return;
    }
  }
}
