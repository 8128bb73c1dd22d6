/** What the kernel tells of processes and cgroups. Ids are those of the cgroup v2 hierarchy. */
export interface NodeNews {
  /** `gone` is a cgroup that was removed: all but its id is empty. */
  readonly kind: "process" | "cgroup" | "gone";
  /** The cgroup; a process's. */
  readonly cgroupId: bigint;
  /** The cgroup above, 0 above the root; a process's: the root of its cgroup namespace. */
  readonly parentId: bigint;
  /** Of a cgroup: 0 for the root. */
  readonly level: number;
  /** In a lineage 0 is the kernel's own first process. */
  readonly pid: number;
  /** Inode number of a process's network namespace. */
  readonly netns: number;
  /** Any bytes. */
  readonly name: Uint8Array;
}

/** Where such news come from. */
export interface NodeNewsSource {
  /** All processes that the agent can see, with their cgroups. */
  processes(): Promise<readonly NodeNews[]>;
  /** Cgroups that came or went since the last call, each new one with those above it. */
  news(): readonly NodeNews[];
  /** News that found no room, since the start. */
  readonly lostNews: number;
}
