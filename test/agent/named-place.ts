import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import type { TestContext } from "node:test";
import { Program } from "../lab/program.ts";

/** Bytes of a process's name that the kernel keeps. */
const COMM_BYTES = 15;

/**
 * This host under a process name of the test's own, by which the agent's series are told from everyone else's.
 * The name may hold any byte but `/` and NUL: the kernel takes it from the path that is executed.
 */
export class NamedPlace {
  /** The process's name, in bytes. */
  readonly name: Buffer;
  /** The name as text, for labels of names that need no care. */
  readonly label: string;
  readonly #program: Buffer;
  readonly #directory: string;
  readonly #cgroup: Buffer | undefined;
  readonly #programs: Program[] = [];

  /**
   * Goes with the test. `cgroup`: the directory of the v2 hierarchy that programs join before they start.
   *
   * @param name a whole name, or `undefined` for one that nobody else has
   */
  constructor(t: Pick<TestContext, "after">, name?: string | Buffer, cgroup?: Buffer) {
    this.name = Buffer.from(name ?? `weir-${randomBytes(4).toString("hex")}`);
    if (this.name.length > COMM_BYTES || this.name.length === 0 || this.name.includes(0) || this.name.includes("/")) {
      throw new Error(
        `Cannot name a process ${JSON.stringify(this.name.toString("latin1"))}: 1 to 15 bytes, no / or NUL`,
      );
    }
    this.label = this.name.toString();
    this.#cgroup = cgroup;
    this.#directory = mkdtempSync(`${tmpdir()}/weir-named-`);
    this.#program = Buffer.concat([Buffer.from(`${this.#directory}/`), this.name]);
    t.after(async () => {
      await Promise.all(this.#programs.map((program) => program.stop("SIGKILL")));
      rmSync(this.#directory, { recursive: true, force: true });
    });
  }

  /** Starts `argv[0]` under the name. It is killed when the test or this process goes. */
  start(argv: readonly [string, ...string[]] | readonly string[]): Program {
    const [program = "", ...args] = argv;
    rmSync(this.#program, { force: true });
    symlinkSync(inPath(program), this.#program);
    const join = this.#cgroup === undefined ? "" : `echo $$ >${quoted(this.#cgroup)}/cgroup.procs || exit 126; `;
    const script = `${join}exec -a "$0" ${quoted(this.#program)} "$@"`;
    const started = Program.start(["setpriv", "--pdeathsig", "KILL", "--", "bash", "-c", script, program, ...args]);
    this.#programs.push(started);
    return started;
  }
}

function inPath(program: string): string {
  if (program.includes("/")) return program;
  const places = (process.env["PATH"] ?? "").split(":").map((directory) => `${directory}/${program}`);
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`Cannot start ${program}: it is not in PATH`);
  return found;
}

/** For bash, byte by byte: Node passes only text on, and not every name is text. */
function quoted(bytes: Buffer): string {
  return `$'${[...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}'`;
}
