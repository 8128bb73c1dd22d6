import { textOfBytes } from "./label-name.ts";
import type { NodeNews } from "./node-news.ts";

interface Named {
  readonly parentId: bigint;
  readonly level: number;
  readonly name: string;
}

/** Deeper than any that the kernel is asked to tell of. */
const MAX_DEPTH = 64;

/** The cgroup v2 hierarchy as the kernel tells it: the name of each cgroup, and which is above. */
export class CgroupNames {
  readonly #names = new Map<bigint, Named>();

  get size(): number {
    return this.#names.size;
  }

  /** Learns a cgroup; news of another kind say nothing here. */
  learn({ kind, cgroupId, parentId, level, name }: NodeNews): void {
    if (kind !== "cgroup" || this.#names.has(cgroupId)) return;
    this.#names.set(cgroupId, {
      parentId,
      level,
      name: textOfBytes(Buffer.from(name.buffer, name.byteOffset, name.length)),
    });
  }

  forget(id: bigint): void {
    this.#names.delete(id);
  }

  levelOf(id: bigint): number | undefined {
    return this.#names.get(id)?.level;
  }

  /** From the hierarchy's own root, which is `/`; undefined where one on the way is not known. */
  pathOf(id: bigint): string | undefined {
    const names = this.#up(id)?.map(({ name }) => name);
    return names && `/${names.reverse().slice(1).join("/")}`;
  }

  /** The cgroup at a level of the path to another. */
  ancestorOf(id: bigint, level: number): bigint | undefined {
    let at = id;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const named = this.#names.get(at);
      if (named === undefined || named.level < level) return undefined;
      if (named.level === level) return at;
      at = named.parentId;
    }
    return undefined;
  }

  /** The cgroup itself, then each above it, the root last. */
  #up(id: bigint): Named[] | undefined {
    const way: Named[] = [];
    for (let at = id; at !== 0n; ) {
      const named = this.#names.get(at);
      if (named === undefined || way.length >= MAX_DEPTH) return undefined;
      way.push(named);
      at = named.parentId;
    }
    return way.length === 0 ? undefined : way;
  }
}
