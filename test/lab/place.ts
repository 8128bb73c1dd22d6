import { Program, type ProgramOptions, type ProgramResult } from "./program.ts";

// The shell joins the cgroup first and becomes the program in place, so that its pid, and each socket it opens,
// belong to the cgroup from the start. nsenter and not "ip netns exec", which would hide the cgroups under a new /sys.
const ENTER = `echo $$ >"$1/cgroup.procs" || exit 126; netns=$2; shift 2; exec nsenter --net="$netns" -- "$@"`;

/** Where a program runs: a network namespace and a cgroup. A container, a node's own system, the host outside. */
export class Place {
  /** Path of the namespace's handle, such as `/run/netns/weir-lab-n1`. */
  readonly netns: string;
  /** Absolute path of the cgroup's directory in the v2 hierarchy. */
  readonly cgroup: string;

  constructor(netns: string, cgroup: string) {
    this.netns = netns;
    this.cgroup = cgroup;
  }

  /** Starts a program; `Program.pid` is the program's own. It lives until it ends, is stopped, or the lab goes down. */
  start(argv: readonly string[], options: ProgramOptions = {}): Program {
    return Program.start(this.command(argv), options);
  }

  /** Runs a program to its end; the caller judges the exit code. */
  run(argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
    return Program.run(this.command(argv), options);
  }

  /** Runs a program and returns its standard output. Throws, with standard error, unless it exits with 0. */
  mustRun(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return Program.mustRun(this.command(argv), options);
  }

  /** What to run elsewhere so that a program starts here; it becomes the program in place. */
  command(argv: readonly string[]): [string, ...string[]] {
    return ["sh", "-c", ENTER, "sh", this.cgroup, this.netns, ...argv];
  }
}
