import { tableFrame } from "./table-frame.ts";
import type { TableSource } from "./table-source.ts";

/** The part of `process.stdout` that the table needs. */
export interface Terminal {
  /** Columns and rows as they are now. */
  getWindowSize(): [columns: number, rows: number];
  /** False once the terminal cannot keep up; then `drain` follows. */
  write(text: string): boolean;
  on(event: "resize" | "drain", listener: () => void): unknown;
  off(event: "resize" | "drain", listener: () => void): unknown;
}

// Private modes of xterm and its kin: 1049 is the alternate screen, 25 the cursor, 7 wrapping at the edge, 2026 one
// update at a time (terminals without it ignore it).
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?2026l\x1b[?7h\x1b[?25h\x1b[?1049l";
const BEGIN_FRAME = "\x1b[?2026h\x1b[H";
const END_FRAME = "\x1b[J\x1b[?2026l";

export interface LiveTableOptions {
  readonly source: TableSource;
  readonly terminal: Terminal;
  /** Called with what the source threw; the table goes on. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds between frames. */
  readonly intervalMs?: number;
}

/**
 * Shows a `TableSource` on a terminal, on the alternate screen: drawn in place without clearing, so it does not
 * flicker, and again when the terminal's size changes. The terminal is given back by `shutdown()` and however else the
 * process exits, unless it is killed.
 */
export class LiveTable {
  readonly #options: LiveTableOptions;
  #timer: NodeJS.Timeout | undefined;
  #shown = "";
  #behind = false;

  constructor(options: LiveTableOptions) {
    this.#options = options;
  }

  /** Takes the terminal over and draws the first frame. */
  start(): void {
    if (this.#timer !== undefined) return;
    const { terminal, intervalMs = 1_000 } = this.#options;
    terminal.write(ENTER);
    terminal.on("resize", this.#redraw);
    terminal.on("drain", this.#catchUp);
    process.on("exit", this.#leave);
    this.#timer = setInterval(this.#draw, intervalMs);
    this.#draw();
  }

  /** Gives the terminal back. May be called again, and before `start()`. */
  shutdown(): void {
    if (this.#timer === undefined) return;
    const { terminal } = this.#options;
    clearInterval(this.#timer);
    this.#timer = undefined;
    terminal.off("resize", this.#redraw);
    terminal.off("drain", this.#catchUp);
    process.off("exit", this.#leave);
    this.#leave();
  }

  readonly #leave = () => {
    this.#options.terminal.write(LEAVE);
  };

  readonly #catchUp = () => {
    this.#behind = false;
  };

  /** After a resize the terminal holds wrapped or missing lines: even an equal frame must be written. */
  readonly #redraw = () => {
    this.#shown = "";
    this.#draw();
  };

  readonly #draw = () => {
    // A slow terminal gets fewer frames, not a growing backlog.
    if (this.#behind) return;
    const { source, terminal, onError } = this.#options;
    try {
      // Asked each time: the signal behind `resize` does not reach a process in the background.
      const [columns, rows] = sizeOf(terminal);
      const lines = tableFrame(source.status(), source.rows(), columns, rows).join("\r\n");
      const frame = `${columns}x${rows}${lines}`;
      if (frame === this.#shown) return;
      this.#shown = frame;
      this.#behind = !terminal.write(BEGIN_FRAME + lines + END_FRAME);
    } catch (error) {
      onError(error);
    }
  };
}

/** A terminal that does not know its size says 0 by 0. */
function sizeOf(terminal: Terminal): [columns: number, rows: number] {
  const [columns, rows] = terminal.getWindowSize();
  return [columns || 80, rows || 24];
}
