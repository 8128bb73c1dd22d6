import type { AnswerVersion } from "./answer-version.ts";
import { AskedKeys } from "./asked.ts";
import { CgroupNames } from "./cgroup-names.ts";
import type { Cgroup } from "./cgroup-tree.ts";
import { placeOfCgroup } from "./container-path.ts";
import type { NodeNews, NodeNewsSource } from "./node-news.ts";

export interface KernelCgroupsOptions {
  readonly source: NodeNewsSource;
  /** Where the agent's node begins, from the hierarchy's root; `/` where it is the whole host. */
  readonly rootPath: string;
  /** Milliseconds since the Unix epoch. */
  readonly clock: () => number;
  readonly version: AnswerVersion;
  /** How often news are read where nobody asks; 1000 by default. */
  readonly intervalMs?: number;
  /** How long a cgroup that is gone is remembered; 300 000 by default. */
  readonly graceMs?: number;
  /** Cgroups remembered at most; 65 536 by default. */
  readonly maxCgroups?: number;
}

export interface KernelCgroupsStats {
  readonly cgroups: number;
  readonly misses: number;
  /** Cgroups that were not remembered because there are too many. */
  readonly budgetRefusals: number;
  /** News that found no room in the kernel; all processes are looked at again after each. */
  readonly lostNews: number;
  /** Looks at all processes that failed. */
  readonly failures: number;
}

/**
 * cgroup v2 id to place, as the kernel tells it: those of all processes at the start, then each as it is made. A cgroup is known
 * before any process can be in it, so it may live as short as it likes; and whatever the agent's own mounts and namespaces show.
 */
export class KernelCgroups {
  readonly #options: KernelCgroupsOptions;
  readonly #names = new CgroupNames();
  readonly #known = new Map<bigint, Cgroup>();
  /** Gone, and since when: in the order of their going. */
  readonly #gone = new Map<bigint, number>();
  readonly #missed: AskedKeys<bigint>;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #lostNews = 0;
  #misses = 0;
  #budgetRefusals = 0;
  #failures = 0;

  constructor(options: KernelCgroupsOptions) {
    this.#options = options;
    this.#missed = new AskedKeys(options.version, new Set<bigint>());
  }

  /** Looks at all processes once, and from then on reads the news. */
  async start(): Promise<void> {
    await this.#look();
    this.#timer ??= setInterval(() => this.#readNews(), this.#options.intervalMs ?? 1000).unref();
  }

  /** Idempotent. */
  async shutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  lookup(id: bigint): Cgroup | undefined {
    return this.#known.get(id) ?? this.#find(id) ?? this.#miss(id);
  }

  stats(): KernelCgroupsStats {
    return {
      cgroups: this.#names.size,
      misses: this.#misses,
      budgetRefusals: this.#budgetRefusals,
      lostNews: this.#lostNews,
      failures: this.#failures,
    };
  }

  /** Made since the news were last read, most likely: what was made before whoever asks is in them. */
  #miss(id: bigint): Cgroup | undefined {
    this.#misses += 1;
    this.#readNews();
    const found = this.#find(id);
    if (found === undefined) this.#missed.ask(id);
    return found;
  }

  #find(id: bigint): Cgroup | undefined {
    const path = this.#names.pathOf(id);
    if (path === undefined) return undefined;
    const { rootPath } = this.#options;
    const below = rootPath === "/" ? path : withoutRoot(path, rootPath);
    const cgroup = { path: below ?? path, place: placeOfCgroup(below ?? "/") };
    this.#known.set(id, cgroup);
    return cgroup;
  }

  #readNews(): void {
    try {
      for (const each of this.#options.source.news()) this.#learn(each);
      if (this.#options.source.lostNews > this.#lostNews) {
        this.#lostNews = this.#options.source.lostNews;
        void this.#look();
      }
    } catch {
      this.#failures += 1; // the monitor was closed, or has no memory: what is known stays
    }
    this.#forgetOld();
  }

  /** One look at a time. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    try {
      for (const each of await this.#options.source.processes()) this.#learn(each);
    } catch {
      this.#failures += 1;
    }
  }

  #learn(news: NodeNews): void {
    const id = news.cgroupId;
    if (news.kind === "gone") {
      if (this.#names.levelOf(id) !== undefined) this.#gone.set(id, this.#options.clock());
      return;
    }
    if (news.kind !== "cgroup" || this.#names.levelOf(id) !== undefined) return;
    if (this.#names.size >= (this.#options.maxCgroups ?? 65_536) && !this.#forgetOne()) {
      this.#budgetRefusals += 1;
      return;
    }
    this.#names.learn(news);
    this.#missed.learnt(id);
  }

  #forgetOld(): void {
    const beforeMs = this.#options.clock() - (this.#options.graceMs ?? 300_000);
    for (const [id, goneMs] of this.#gone) {
      if (goneMs >= beforeMs) return;
      this.#forget(id);
    }
  }

  /** Of those that are gone, the one that went first. */
  #forgetOne(): boolean {
    for (const id of this.#gone.keys()) {
      this.#forget(id);
      return true;
    }
    return false;
  }

  #forget(id: bigint): void {
    this.#gone.delete(id);
    this.#names.forget(id);
    this.#known.delete(id);
  }
}

/** The path below the node's root; undefined for what lies elsewhere. */
function withoutRoot(path: string, rootPath: string): string | undefined {
  if (path === rootPath) return "/";
  return path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : undefined;
}
