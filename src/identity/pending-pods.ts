import type { AnswerVersion } from "./answer-version.ts";

export interface PendingPodsOptions {
  /** Milliseconds since the Unix epoch. */
  readonly clock: () => number;
  readonly version: AnswerVersion;
  /** How long news of a pod are awaited; 10 000 by default. */
  readonly waitMs?: number;
  /** Pods that are awaited at once, or were in vain; 4096 by default. */
  readonly maxPods?: number;
}

export interface PendingPodsStats {
  readonly awaited: number;
  /** Pods of which the API server did not tell in time. */
  readonly expired: number;
  /** Questions about a pod that could not be awaited, because too many are. */
  readonly refusals: number;
}

/** How long it is remembered that a pod was awaited in vain. */
const MEMORY_MS = 600_000;

/**
 * Pods whose processes are here, and of which the API server has not told yet: news of a new pod and its first connection
 * race. Each is awaited once, for a time; the version grows when that is over, so that whoever waits asks again.
 */
export class PendingPods {
  readonly #clock: () => number;
  readonly #version: AnswerVersion;
  readonly #waitMs: number;
  readonly #maxPods: number;
  /** When each was asked for first; the oldest come first. */
  readonly #askedMs = new Map<string, number>();
  /** Those of them that were awaited in vain. */
  readonly #expired = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #expiredTotal = 0;
  #refusals = 0;

  constructor(options: PendingPodsOptions) {
    this.#clock = options.clock;
    this.#version = options.version;
    this.#waitMs = options.waitMs ?? 10_000;
    this.#maxPods = options.maxPods ?? 4096;
  }

  /** Whether news of a pod that is not known may still come. The first question starts the wait. */
  awaits(uid: string): boolean {
    this.#expire();
    const known = this.#askedMs.has(uid);
    if (!known && this.#askedMs.size >= this.#maxPods) {
      this.#refusals += 1;
      return false;
    }
    if (!known) this.#askedMs.set(uid, this.#clock());
    this.#schedule();
    return !this.#expired.has(uid);
  }

  /** The pod is known now. */
  settle(uid: string): void {
    this.#askedMs.delete(uid);
    this.#expired.delete(uid);
  }

  /** Idempotent. */
  shutdown(): void {
    clearTimeout(this.#timer);
  }

  stats(): PendingPodsStats {
    return {
      awaited: this.#askedMs.size - this.#expired.size,
      expired: this.#expiredTotal,
      refusals: this.#refusals,
    };
  }

  #expire(): void {
    const nowMs = this.#clock();
    let news = false;
    for (const [uid, askedMs] of this.#askedMs) {
      if (nowMs - askedMs < this.#waitMs) break;
      if (nowMs - askedMs >= MEMORY_MS) {
        this.settle(uid);
      } else if (!this.#expired.has(uid)) {
        this.#expired.add(uid);
        this.#expiredTotal += 1;
        news = true;
      }
    }
    if (news) this.#version.bump();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#askedMs.size === this.#expired.size) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#expire();
      this.#schedule();
    }, this.#waitMs / 4).unref();
  }
}
