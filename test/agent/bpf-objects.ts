import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

type Kind = "prog" | "link" | "map";

/** Ids of the kernel's BPF objects, which are never used twice. */
export type BpfIds = Readonly<Record<Kind, readonly number[]>>;

/** What of BPF a process holds by its file descriptors. Other agents may run on the host at the same time. */
export function bpfObjectsOf(pid: number): BpfIds {
  const texts = readdirSync(`/proc/${pid}/fdinfo`).map((fd) => fdinfo(pid, fd));
  const idsOf = (kind: Kind) => {
    const own = new RegExp(`^${kind}_id:\t(\\d+)$`, "m");
    // A link's text names its program, too.
    const isKind = (text: string) => kind === "link" || !/^link_id:/m.test(text);
    return texts.flatMap((text) => (isKind(text) ? Number(own.exec(text)?.[1] ?? 0) : 0)).filter((id) => id > 0);
  };
  return { prog: idsOf("prog"), link: idsOf("link"), map: idsOf("map") };
}

/** Those of the ids that the kernel still has, whoever holds or pins them, such as `prog 23 tcp_state`. */
export async function stillInKernel(ids: BpfIds): Promise<string[]> {
  const left: string[] = [];
  for (const kind of ["prog", "link", "map"] as const) {
    const { stdout } = await promisify(execFile)("bpftool", ["--json", kind, "list"], { maxBuffer: 64 * 1024 * 1024 });
    for (const { id, name = "" } of JSON.parse(stdout) as { id: number; name?: string }[]) {
      if (ids[kind].includes(id)) left.push(`${kind} ${id} ${name}`.trimEnd());
    }
  }
  return left;
}

function fdinfo(pid: number, fd: string): string {
  try {
    return readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8");
  } catch {
    return ""; // closed meanwhile
  }
}
