import { finished, type Readable } from "node:stream";
import type { Clock } from "./clock.ts";

/** Longest time at a stretch on the event loop, all streams together. */
const TURN_MS = 4;

/** How one stream is read. */
export interface StreamReading {
  /** What it throws ends the stream, and is what `read()` throws. */
  take(chunk: Buffer): void;
  /** Whether what comes from now on may wait for a moment. */
  mayWait(): boolean;
}

/**
 * Reads streams so that the event loop stays free: what has arrived is taken in turns of a few milliseconds. And cheaply: a
 * server sends each event in three or four pieces, and a wake-up for each costs more than all that is done with them. So a
 * stream that was read rests, and what comes meanwhile is read at once.
 */
export class StreamReader {
  readonly #clock: Clock;
  readonly #restMs: number;
  /** When the turn under way has to end; undefined while there is none. */
  #turnEndsMs: number | undefined;
  /** Told when it has ended. */
  #takingPart: (() => void)[] = [];

  constructor(clock: Clock, restMs: number) {
    this.#clock = clock;
    this.#restMs = restMs;
  }

  /** Reads the stream to its end. Throws what it failed with, and has destroyed it then. */
  read(stream: Readable, { take, mayWait }: StreamReading): Promise<void> {
    return new Promise((resolve, reject) => {
      let takesPart = false;
      let cancelRest = () => {};
      const turnEnded = () => {
        takesPart = false;
        // Paused, it was cut short: there is more to read now.
        if (stream.isPaused() || this.#restMs === 0 || !mayWait()) {
          stream.resume();
          return;
        }
        stream.pause();
        cancelRest = this.#clock.after(this.#restMs, () => stream.resume());
      };
      stream.on("data", (chunk: Buffer) => {
        // What was buffered before still comes.
        if (stream.destroyed) return;
        const turnEndsMs = this.#turn();
        if (!takesPart) this.#takingPart.push(turnEnded);
        takesPart = true;
        try {
          take(chunk);
        } catch (error) {
          stream.destroy(error as Error);
        }
        if (this.#clock.monotonicMs() >= turnEndsMs) stream.pause();
      });
      finished(stream, (error) => {
        cancelRest();
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** When the turn has to end that is under way, or that begins now. */
  #turn(): number {
    if (this.#turnEndsMs === undefined) {
      this.#turnEndsMs = this.#clock.monotonicMs() + TURN_MS;
      setImmediate(() => this.#endTurn());
    }
    return this.#turnEndsMs;
  }

  #endTurn(): void {
    this.#turnEndsMs = undefined;
    for (const turnEnded of this.#takingPart.splice(0)) turnEnded();
  }
}
