import type {
  Addon,
  MapReport,
  NativeTcpMonitor,
  NodeBounds,
  ProgramReport,
  ProgramStatistics,
  Sweep,
  TcpLayout,
} from "./addon.ts";
import { bpfObjectPath } from "./addon.ts";
import { TcpRecords } from "./tcp-records.ts";

export interface TcpMonitorOptions {
  /** Live connections that the kernel can keep at once; 168 bytes each. */
  readonly maxConnections: number;
  /** Room for records between two collections, in bytes: a power of two. */
  readonly ringBytes: number;
  /** The node to keep to; without one, all of this host's connections are measured. */
  readonly node?: NodeBounds;
}

/** The kernel's TCP connections: `bpf/tcp`, as batches of records. */
export class TcpMonitor {
  readonly layout: TcpLayout;
  readonly #native: NativeTcpMonitor;
  readonly #maxConnections: number;
  /** Where the ring is drained to, each time anew: memory that the processor's caches and the kernel know already. */
  readonly #drained: ArrayBuffer;

  private constructor(layout: TcpLayout, native: NativeTcpMonitor, options: TcpMonitorOptions) {
    this.layout = layout;
    this.#native = native;
    this.#maxConnections = options.maxConnections;
    // half the ring: the other half fills while this one is read
    this.#drained = new ArrayBuffer(layout.recordBytes * Math.ceil(options.ringBytes / 2 / layout.recordBytes));
  }

  /**
   * Loads and attaches the programs.
   *
   * @throws {Error} with `code`, `errno`, `operation` and `log`, where none of it is possible (no permission, no BTF).
   *   A single program that this kernel refuses is in `programs()` instead.
   */
  static async open(addon: Addon, options: TcpMonitorOptions): Promise<TcpMonitor> {
    const native = await addon.openTcp({ objectPath: bpfObjectPath("tcp"), ...options });
    return new TcpMonitor(addon.tcpLayout, native, options);
  }

  /** Listeners, and connections older than the programs. Once, before the first collection. */
  async survey(): Promise<TcpRecords> {
    return new TcpRecords(this.layout, await this.#native.survey());
  }

  /**
   * Live connections as asked, then what ended since the last call: the order in which they must be counted. They can be
   * read until the next call. Without a sweep it may be less than all that the ring holds.
   */
  async collect(sweep: Sweep): Promise<TcpRecords> {
    if (sweep !== "none") return new TcpRecords(this.layout, await this.#native.collect(sweep));
    // what the ring holds is copied sooner than another thread could be asked to
    return new TcpRecords(this.layout, this.#drained, this.#native.drain(this.#drained));
  }

  /** What the kernel's side could not keep or hand over, by reason, since the start. */
  lost(): Map<string, number> {
    const lost = new Map<string, number>();
    const counts = this.#native.lost();
    for (const [index, reason] of this.layout.lost.entries()) lost.set(reason, counts[index] ?? 0);
    return lost;
  }

  /** Runs that the kernel skipped: a moment in the life of a connection was not seen. What counts is made good later. */
  skippedRuns(): number {
    return this.#native.statistics().reduce((sum, { missed }) => sum + missed, 0);
  }

  /** Connections that were passed over, because they are those of other nodes on this kernel. */
  elsewhere(): number {
    return this.#native.elsewhere();
  }
  get maxConnections(): number {
    return this.#maxConnections;
  }
  /** Whether connections are counted at all; what else this kernel refuses is in `programs()`. */
  get isCounting(): boolean {
    return this.#native.programs().some(({ name, state }) => name === "tcp_state" && state === "attached");
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
}
