import type { Clock } from "./clock.ts";
import type { ByteSource } from "./http/byte-source.ts";

/** Longest time at a stretch on the event loop, all streams together, but for the piece at its end. */
const TURN_MS = 4;

/** How one stream is read. */
export interface StreamReading {
  /** Gets what has come, valid during the call. What it throws ends the stream, and is what `read()` throws. */
  take(bytes: Buffer): void;
  /** Whether what comes from now on may wait for a moment. */
  mayWait(): boolean;
}

interface Stream {
  readonly source: ByteSource;
  readonly mayWait: () => boolean;
  /** Whether anything of it was taken in the turn under way. */
  takesPart: boolean;
}

/**
 * Reads streams so that the event loop stays free: what has arrived is taken in turns of a few milliseconds. And cheaply: a
 * server sends each event in three or four pieces, and a wake-up for each costs more than all that is done with them. So a
 * stream that was read rests, for `restMs` at most, and what comes meanwhile is read at once, that of all streams together.
 */
export class StreamReader {
  readonly #clock: Clock;
  readonly #restMs: number;
  /** Those that are read, or would be if the turn under way were not over. */
  readonly #awake = new Set<Stream>();
  readonly #resting = new Set<Stream>();
  #cancelRest = () => {};
  /** When the turn under way has to end; undefined while there is none. */
  #turnEndsMs: number | undefined;
  #turnIsOver = false;

  constructor(clock: Clock, restMs: number) {
    this.#clock = clock;
    this.#restMs = restMs;
  }

  /** Reads the source to its end. Throws what it failed with, and has destroyed it then. */
  read(source: ByteSource, { take, mayWait }: StreamReading): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream: Stream = { source, mayWait, takesPart: false };
      const onBytes = (bytes: Buffer) => {
        stream.takesPart = true;
        this.#beginTurn();
        try {
          take(bytes);
        } catch (error) {
          source.destroy(error as Error);
        }
        this.#lookAtTime();
      };
      this.#awake.add(stream);
      source.open(onBytes, (error) => {
        this.#awake.delete(stream);
        if (this.#resting.delete(stream) && this.#resting.size === 0) this.#cancelRest();
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  #beginTurn(): void {
    if (this.#turnEndsMs !== undefined) return;
    this.#turnEndsMs = this.#clock.monotonicMs() + TURN_MS;
    setImmediate(() => this.#endTurn());
  }

  #lookAtTime(): void {
    if (this.#turnIsOver || this.#clock.monotonicMs() < (this.#turnEndsMs ?? 0)) return;
    this.#turnIsOver = true;
    for (const { source } of this.#awake) source.pause();
  }

  #endTurn(): void {
    const wasCutShort = this.#turnIsOver;
    this.#turnEndsMs = undefined;
    this.#turnIsOver = false;
    const took: Stream[] = [];
    const others: Stream[] = [];
    for (const stream of this.#awake) {
      (stream.takesPart ? took : others).push(stream);
      stream.takesPart = false;
    }
    if (wasCutShort) {
      // There may be more to read of any of them: first of those whose turn it was not.
      this.#goOn(others);
      setImmediate(() => this.#goOn(took));
    } else if (this.#restMs > 0) {
      for (const stream of took) if (stream.mayWait()) this.#rest(stream);
    }
  }

  /** Reads on, until the turn that begins by it is over: then all that is awake waits for its end. */
  #goOn(streams: readonly Stream[]): void {
    for (const stream of streams) if (!this.#turnIsOver && this.#awake.has(stream)) stream.source.resume();
  }

  #rest(stream: Stream): void {
    stream.source.pause();
    this.#awake.delete(stream);
    if (this.#resting.size === 0) this.#cancelRest = this.#clock.after(this.#restMs, () => this.#endRest());
    this.#resting.add(stream);
  }

  #endRest(): void {
    const rested = [...this.#resting];
    this.#resting.clear();
    for (const stream of rested) this.#awake.add(stream);
    this.#goOn(rested);
  }
}
