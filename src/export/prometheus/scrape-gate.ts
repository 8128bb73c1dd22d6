/** Lets a few scrapes run at a time and a few more wait; the rest is refused. */
export class ScrapeGate {
  readonly #running: number;
  readonly #waiting: number;
  readonly #queue: (() => void)[] = [];
  #active = 0;

  /** `running` scrapes go on at a time, `waiting` more queue up. */
  constructor(running: number, waiting: number) {
    this.#running = running;
    this.#waiting = waiting;
  }

  /** Resolves to a function that gives the place back, to be called once; to undefined where there is no room to wait. */
  async enter(): Promise<(() => void) | undefined> {
    if (this.#active < this.#running) {
      this.#active++;
    } else {
      if (this.#queue.length >= this.#waiting) return undefined;
      // The place is handed over by leave(), which does not lower #active in that case.
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
    return () => this.#leave();
  }

  #leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#active--;
    else next();
  }
}
