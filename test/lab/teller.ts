import { compiledProgram } from "./compiled-program.ts";
import type { Place } from "./place.ts";
import type { Program } from "./program.ts";

export interface TellerOptions {
  /** What it answers with. */
  readonly name: string;
  /** Of itself and of all whom it calls. */
  readonly port: number;
  /** Between two calls. */
  readonly periodMs: number;
  /** IPv4 addresses to call, in turn. */
  readonly calls: readonly string[];
}

/** What one program did: the ground truth. */
export interface TellerResults {
  /** Connections that it answered. */
  readonly served: number;
  /** Names of those who answered it, and how often each did. */
  readonly answers: Readonly<Record<string, number>>;
  readonly lost: readonly LostCall[];
}

/** A call that nobody answered: `refused`; established, but `unanswered`; or the text of another error. */
export type LostCall = readonly [address: string, why: string, unixMs: number];

/** A running `teller`: it answers calls with its name, and makes calls and remembers who answered. See `teller.c`. */
export class Teller {
  readonly name: string;
  readonly #program: Program;

  private constructor(name: string, program: Program) {
    this.name = name;
    this.#program = program;
  }

  /** Starts it and waits until it listens; calls begin at the same time. */
  static async start(place: Pick<Place, "start">, { name, port, periodMs, calls }: TellerOptions): Promise<Teller> {
    const program = place.start([await compiledProgram("teller.c"), name, String(port), String(periodMs), ...calls]);
    await program.waitForOutput(/"listening"/);
    return new Teller(name, program);
  }

  /** Lets what is under way come to its end. */
  async stop(): Promise<TellerResults> {
    const { code, stdout, stderr } = await this.#program.stop();
    const line = stdout.split("\n").find((text) => text.includes('"served"'));
    if (line === undefined || code !== 0) {
      throw new Error(`Cannot trust what ${this.name} tells, exit code ${code}: ${stderr}${stdout}`);
    }
    return JSON.parse(line) as TellerResults;
  }
}
