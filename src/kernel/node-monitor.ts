import type { Addon, MapReport, NativeNodeMonitor, NodeLayout, ProgramReport, ProgramStatistics } from "./addon.ts";
import { bpfObjectPath } from "./addon.ts";

/** A process, or a cgroup. Ids are those of the cgroup v2 hierarchy, whatever the agent's own view of it. */
export interface NodeRecord {
  /** `gone` is a cgroup that was removed: all but its id is empty. */
  readonly kind: "process" | "cgroup" | "gone";
  /** The cgroup; a process's. */
  readonly cgroupId: bigint;
  /** The cgroup above, 0 above the root; a process's: the root of its cgroup namespace. */
  readonly parentId: bigint;
  /** Of a cgroup: 0 for the root. */
  readonly level: number;
  /** In the agent's pid namespace; in a lineage, the kernel's, and 0 is the kernel itself. */
  readonly pid: number;
  /** Inode number of a process's network namespace. */
  readonly netns: number;
  /** Of the cgroup's directory, or of the process. Any bytes. */
  readonly name: Uint8Array;
}

/** Where processes live, and which cgroups come and go: `bpf/node`. */
export class NodeMonitor {
  readonly #layout: NodeLayout;
  readonly #native: NativeNodeMonitor;

  private constructor(layout: NodeLayout, native: NativeNodeMonitor) {
    this.#layout = layout;
    this.#native = native;
  }

  /**
   * Loads and attaches the programs.
   *
   * @throws {Error} like `TcpMonitor.open()`.
   */
  static async open(addon: Addon): Promise<NodeMonitor> {
    return new NodeMonitor(addon.nodeLayout, await addon.openNode({ objectPath: bpfObjectPath("node") }));
  }

  /** The agent's own process, then those above it up to the kernel's; each followed by its cgroup and those above, unless the one before lives there. */
  lineage(): NodeRecord[] {
    return this.#read(this.#native.lineage());
  }

  /** The processes of the agent's pid namespace, with their cgroups; of several in a row in one place only the first. */
  async processes(): Promise<NodeRecord[]> {
    return this.#read(await this.#native.processes());
  }

  /** Cgroups that came or went since the last call. A new one comes with those above it. */
  news(): NodeRecord[] {
    return this.#read(this.#native.news());
  }

  /** Whether all cgroups are told of: those of processes, and new ones. */
  get isComplete(): boolean {
    return this.#native.programs().every(({ state }) => state !== "failed");
  }

  /** News that found no room, since the start. */
  get lostNews(): number {
    return this.#native.lost().reduce((sum, count) => sum + count, 0);
  }

  /** The same by reason. */
  lost(): Map<string, number> {
    const counts = this.#native.lost();
    return new Map(this.#layout.lost.map((reason, index) => [reason, counts[index] ?? 0]));
  }

  programs(): ProgramReport[] {
    return this.#native.programs();
  }
  statistics(): ProgramStatistics[] {
    return this.#native.statistics();
  }
  maps(): MapReport[] {
    return this.#native.maps();
  }
  /** Detaches and frees. Idempotent. */
  close(): void {
    this.#native.close();
  }

  #read(buffer: ArrayBuffer): NodeRecord[] {
    const { recordBytes, nameBytes, offsets, kinds } = this.#layout;
    const view = new DataView(buffer);
    const bytes = new Uint8Array(buffer);
    const records: NodeRecord[] = [];
    // native byte order, which for what Node runs on is little-endian
    for (let at = 0; at + recordBytes <= buffer.byteLength; at += recordBytes) {
      const kind = bytes[at + offsets.kind];
      const from = at + offsets.name;
      const end = bytes.indexOf(0, from);
      records.push({
        kind: kind === kinds.process ? "process" : kind === kinds.cgroup ? "cgroup" : "gone",
        cgroupId: view.getBigUint64(at + offsets.cgroupId, true),
        parentId: view.getBigUint64(at + offsets.parentId, true),
        level: view.getUint32(at + offsets.level, true),
        pid: view.getUint32(at + offsets.pid, true),
        netns: view.getUint32(at + offsets.netns, true),
        name: bytes.subarray(from, Math.min(end < 0 ? from + nameBytes : end, from + nameBytes)),
      });
    }
    return records;
  }
}
