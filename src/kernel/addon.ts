import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

/** `bpf/tcp.h` as the compiler laid it out; nobody types an offset. */
export interface TcpLayout {
  readonly recordBytes: number;
  /** Byte offsets of a record's fields. */
  readonly offsets: Readonly<Record<TcpField, number>>;
  readonly kinds: Readonly<Record<"closed" | "live" | "found" | "vanished" | "listen" | "unlisten", number>>;
  readonly sides: Readonly<Record<"unknown" | "client" | "server", number>>;
  readonly flags: Readonly<Record<"older" | "unborn", number>>;
  readonly resets: Readonly<Record<"none" | "local" | "remote", number>>;
  /** Reasons of loss, in the order of `lost()`. */
  readonly lost: readonly string[];
}

export type TcpField =
  | "id"
  | "bornNs"
  | "establishedNs"
  | "cgroupId"
  | "netns"
  | "pid"
  | "local"
  | "remote"
  | "localIsn"
  | "remoteIsn"
  | "localPort"
  | "remotePort"
  | "side"
  | "flags"
  | "comm"
  | "atNs"
  | "sentBytes"
  | "receivedBytes"
  | "sentSegments"
  | "receivedSegments"
  | "retransmittedSegments"
  | "deliveredSegments"
  | "srttUs"
  | "minRttUs"
  | "error"
  | "kind"
  | "state"
  | "reset";

/** `bpf/node.h`, likewise. */
export interface NodeLayout {
  readonly recordBytes: number;
  readonly nameBytes: number;
  readonly offsets: Readonly<Record<NodeField, number>>;
  readonly kinds: Readonly<Record<"process" | "cgroup" | "cgroupGone", number>>;
  /** Reasons of loss, in the order of `lost()`. */
  readonly lost: readonly string[];
}

export type NodeField = "cgroupId" | "parentId" | "level" | "pid" | "netns" | "kind" | "name";

/** What became of one kernel program. `detail` says why it failed, with the verifier's last lines. */
export interface ProgramReport {
  readonly name: string;
  /** The hook, as libbpf names it: `tp_btf/inet_sock_set_state`. */
  readonly hook: string;
  readonly state: "attached" | "loaded" | "failed";
  readonly detail: string;
}

/** A program's cost since it was loaded. `runTimeNs` and `runs` stay 0 unless `measureRunTime(true)` was called. */
export interface ProgramStatistics {
  readonly name: string;
  readonly runTimeNs: number;
  readonly runs: number;
  /** Runs that the kernel skipped, because the program was running on that CPU already. */
  readonly missed: number;
}

export interface MapReport {
  readonly name: string;
  readonly maxEntries: number;
  /** Kernel memory it holds. */
  readonly bytes: number;
}

/** Which live connections a collection reports: none, those whose totals changed, or all. */
export type Sweep = "none" | "changed" | "all";

/** The node that programs keep to, where it is not the whole host. */
export interface NodeBounds {
  /** Id of the cgroup v2 below which all of its processes live. */
  readonly cgroupId: bigint;
  /** Of that cgroup, 1 or more: 0 is the root, which is the whole host. */
  readonly level: number;
  /** Inode number of the node's own network namespace, whose sockets are its own whatever their cgroup. */
  readonly netns: number;
}

export interface TcpOptions {
  readonly objectPath: string;
  readonly maxConnections: number;
  readonly ringBytes: number;
  /** By default the whole host is measured. */
  readonly node?: NodeBounds;
}

/** The native monitor. Every call but `close()` throws or rejects with code `ERR_WEIR_CLOSED` after `close()`. */
export interface NativeTcpMonitor {
  survey(): Promise<ArrayBuffer>;
  collect(sweep: Sweep): Promise<ArrayBuffer>;
  /**
   * What `collect("none")` resolves to, at once and into the caller's memory, as far as there is room; the rest comes with
   * the next call. Returns the bytes.
   */
  drain(into: ArrayBuffer): number;
  lost(): number[];
  /** Connections of other nodes on this kernel that were passed over. */
  elsewhere(): number;
  programs(): ProgramReport[];
  statistics(): ProgramStatistics[];
  maps(): MapReport[];
  close(): void;
}

/** The native monitor of processes and cgroups, with the same rule. */
export interface NativeNodeMonitor {
  /** The agent's own process and those above it, and their cgroups. */
  lineage(): ArrayBuffer;
  /** Those of the agent's pid namespace. */
  processes(): Promise<ArrayBuffer>;
  /** Cgroups that came or went since the last call. */
  news(): ArrayBuffer;
  lost(): number[];
  programs(): ProgramReport[];
  statistics(): ProgramStatistics[];
  maps(): MapReport[];
  close(): void;
}

/** `native/core/conntrack.h` as the compiler laid it out. */
export interface ConntrackLayout {
  readonly tupleBytes: number;
  readonly answerBytes: number;
  /** Byte offsets of a tuple's fields. */
  readonly tuple: Readonly<Record<"source" | "destination" | "sourcePort" | "destinationPort" | "transport", number>>;
  /** Byte offsets of an answer's fields; `original` and `reply` are tuples. */
  readonly answer: Readonly<Record<"error" | "original" | "reply", number>>;
  /** The `error` of a connection that the table does not have. */
  readonly absent: number;
}

/** Which of a connection's two tuples a question holds. */
export type ConntrackDirection = "original" | "reply";

/** The kernel's connection tracking in the agent's own network namespace. `lookup` rejects with `ERR_WEIR_CLOSED` after `close()`. */
export interface NativeConntrack {
  /** One answer for each tuple, in their order. */
  lookup(tuples: Uint8Array, direction: ConntrackDirection): Promise<ArrayBuffer>;
  close(): void;
}

export interface Addon {
  readonly tcpLayout: TcpLayout;
  readonly nodeLayout: NodeLayout;
  readonly conntrackLayout: ConntrackLayout;
  /** @throws {Error} with code `ERR_WEIR_CONNTRACK` and `errno`, where this kernel has none or the process may not ask it. */
  openConntrack(): NativeConntrack;
  openTcp(options: TcpOptions): Promise<NativeTcpMonitor>;
  openNode(options: { objectPath: string }): Promise<NativeNodeMonitor>;
  /** Whether the kernel measures the run time of BPF programs: about 20 ns a run, for all programs of the host. */
  measureRunTime(on: boolean): void;
  /**
   * Gives the memory of Node's own code and constants back to the kernel, which reads again from its file what turns out to be
   * needed. What other processes map as well stays.
   */
  pageOutProgram(): Promise<void>;
}

/** The build folder; `WEIR_BUILD` names another, such as that of the sanitizers. */
const build = pathToFileURL(`${process.env["WEIR_BUILD"] ?? fileURLToPath(new URL("../../build", import.meta.url))}/`);

/**
 * Loads the compiled addon.
 *
 * @throws {Error} where it was not built, or is missing a library; the cause says which.
 */
export function loadAddon(): Addon {
  const path = fileURLToPath(new URL("Release/weir.node", build));
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new Error(`Cannot load the native addon ${path}: build it with \`npm run build\``, { cause });
  }
}

/** Path of a compiled BPF object, such as `tcp`. */
export function bpfObjectPath(name: string): string {
  return fileURLToPath(new URL(`bpf/${name}.bpf.o`, build));
}
