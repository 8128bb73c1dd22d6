import type { Addon, ConntrackDirection, ConntrackLayout, NativeConntrack } from "./addon.ts";
import { ConntrackAnswers } from "./conntrack-answers.ts";
import type { ConntrackTuples } from "./conntrack-tuples.ts";

const MS_PER_S = 1000;

export interface ConntrackOptions {
  /** Questions a second at most; what a quiet second left over is kept for the next one. */
  readonly maxPerSecond: number;
  /** CLOCK_MONOTONIC milliseconds. */
  readonly nowMs: () => number;
}

/** Questions by what became of them, since the start. */
export interface ConntrackStats {
  readonly found: number;
  /** The table has no such connection. */
  readonly absent: number;
  /** Not asked, because of `maxPerSecond` or because too many were under way. */
  readonly refused: number;
  readonly failed: number;
}

/**
 * The kernel's connection tracking in the agent's own network namespace, which is the node's where the agent is on the
 * host's network: there kube-proxy translates the addresses of Services, for pods and for the node itself.
 */
export class Conntrack {
  readonly layout: ConntrackLayout;
  readonly #native: NativeConntrack;
  readonly #maxPerSecond: number;
  readonly #nowMs: () => number;
  #credit: number;
  #creditMs: number;
  #found = 0;
  #absent = 0;
  #refused = 0;
  #failed = 0;

  private constructor(layout: ConntrackLayout, native: NativeConntrack, { maxPerSecond, nowMs }: ConntrackOptions) {
    this.layout = layout;
    this.#native = native;
    this.#maxPerSecond = maxPerSecond;
    this.#nowMs = nowMs;
    this.#credit = maxPerSecond;
    this.#creditMs = nowMs();
  }

  /** @throws {Error} with `code` and `errno`, where this kernel has no connection tracking or the process may not ask it. */
  static open(addon: Pick<Addon, "openConntrack" | "conntrackLayout">, options: ConntrackOptions): Conntrack {
    return new Conntrack(addon.conntrackLayout, addon.openConntrack(), options);
  }

  /** Takes one question off the budget; counts it as refused where there is none left. */
  admit(): boolean {
    if (this.#credit < 1) this.#refill();
    if (this.#credit < 1) {
      this.#refused++;
      return false;
    }
    this.#credit--;
    return true;
  }

  /** Counts a question that was not asked for another reason than the budget. */
  refuse(): void {
    this.#refused++;
  }

  /**
   * What the table has for each tuple: of a connection's original direction, or of its replies (who is behind an address that
   * was masqueraded). The questions are to be admitted before. Rejects only where it cannot ask at all.
   */
  async lookup(tuples: ConntrackTuples, direction: ConntrackDirection): Promise<ConntrackAnswers> {
    const asked = tuples.length;
    let answers: ConntrackAnswers;
    try {
      answers = new ConntrackAnswers(this.layout, await this.#native.lookup(tuples.bytes, direction));
    } catch (error) {
      this.#failed += asked;
      throw error;
    }
    for (let index = 0; index < answers.length; index++) {
      if (answers.isFound(index)) this.#found++;
      else if (answers.isAbsent(index)) this.#absent++;
      else this.#failed++;
    }
    return answers;
  }

  stats(): ConntrackStats {
    return { found: this.#found, absent: this.#absent, refused: this.#refused, failed: this.#failed };
  }

  /** Idempotent. */
  close(): void {
    this.#native.close();
  }

  #refill(): void {
    const nowMs = this.#nowMs();
    const earned = ((nowMs - this.#creditMs) / MS_PER_S) * this.#maxPerSecond;
    this.#credit = Math.min(this.#maxPerSecond, this.#credit + earned);
    this.#creditMs = nowMs;
  }
}
