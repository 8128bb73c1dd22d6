import type { NodeNews, NodeNewsSource } from "../../src/identity/node-news.ts";

const NOTHING: NodeNews = {
  kind: "cgroup",
  cgroupId: 0n,
  parentId: 0n,
  level: 0,
  pid: 0,
  netns: 0,
  name: Buffer.alloc(0),
};

/** A cgroup v2 hierarchy that a test makes up, and what the kernel tells of it. The root's id is 1. */
export class Hierarchy {
  readonly #ids = new Map<string, bigint>([["/", 1n]]);

  /** The id of a cgroup, which is made with those above it. */
  id(path: string): bigint {
    const known = this.#ids.get(path);
    if (known !== undefined) return known;
    if (path !== "/") this.id(above(path));
    const id = BigInt(this.#ids.size + 1) * 10n;
    this.#ids.set(path, id);
    return id;
  }

  /** A cgroup and those above it, as the kernel tells of a new one. */
  made(path: string): NodeNews[] {
    const level = path.split("/").filter((part) => part !== "").length;
    const name = Buffer.from(path.slice(path.lastIndexOf("/") + 1));
    const parentId = path === "/" ? 0n : this.id(above(path));
    const news: NodeNews = { ...NOTHING, cgroupId: this.id(path), parentId, level, name };
    return path === "/" ? [news] : [news, ...this.made(above(path))];
  }

  gone(path: string): NodeNews {
    return { ...NOTHING, kind: "gone", cgroupId: this.id(path) };
  }

  /** A process with its cgroup and those above it. */
  process(pid: number, cgroup: string, namespaceRoot: string, netns: number): NodeNews[] {
    const ids = { cgroupId: this.id(cgroup), parentId: this.id(namespaceRoot) };
    return [{ ...NOTHING, kind: "process", pid, netns, name: Buffer.from("program"), ...ids }, ...this.made(cgroup)];
  }
}

/** A kernel whose news a test writes. */
export class NewsRig implements NodeNewsSource {
  lostNews = 0;
  looks = 0;
  /** What the next look at all processes shows. */
  all: NodeNews[] = [];
  /** What the next reading of the news brings. */
  fresh: NodeNews[] = [];

  async processes(): Promise<readonly NodeNews[]> {
    this.looks += 1;
    return this.all;
  }
  news(): readonly NodeNews[] {
    return this.fresh.splice(0);
  }
}

function above(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
