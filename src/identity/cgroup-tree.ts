import { readdirSync, readFileSync, statSync } from "node:fs";
import type { AnswerVersion } from "./answer-version.ts";
import { BackgroundWalk } from "./background-walk.ts";
import { findCgroupMount } from "./cgroup-mount.ts";
import { type CgroupPlace, placeOfCgroup } from "./container-path.ts";
import { textOfBytes } from "./label-name.ts";

export interface Cgroup {
  /** Below the hierarchy's mount point; `/` is its root. Bytes that are not UTF-8 as lone surrogates. */
  readonly path: string;
  readonly place: CgroupPlace;
}

export interface CgroupTreeOptions {
  readonly procPath: string;
  /** Mount point of the cgroup v2 hierarchy; by default the one that `PROC/self/mountinfo` names. */
  readonly cgroupPath?: string;
  /** Milliseconds since the Unix epoch. */
  readonly clock: () => number;
  readonly version: AnswerVersion;
  /** Pause between walks that misses ask for; 250 by default. */
  readonly missIntervalMs?: number;
  /** Pause between walks without any miss, which find cgroups before they are gone; 5000 by default, 0 for none. */
  readonly refreshIntervalMs?: number;
  /** How long a directory that is gone is remembered; 300 000 by default. */
  readonly graceMs?: number;
  /** Directories looked at in one walk; 50 000 by default. */
  readonly maxDirectories?: number;
  /** Longest time at a stretch on the event loop; 4 by default. */
  readonly sliceMs?: number;
}

export interface CgroupTreeStats {
  readonly cgroups: number;
  readonly misses: number;
  /** Ids that are waiting for a walk. */
  readonly waiting: number;
  /** Ids that a whole walk did not find: their cgroups are gone, or outside our view. */
  readonly notFound: number;
  readonly walks: number;
  readonly walkFailures: number;
  /** Walks that were cut short, and ids that were not taken up because too many wait. */
  readonly budgetRefusals: number;
}

interface KnownCgroup extends Cgroup {
  seenIn: number;
  /** 0 while its directory exists. */
  vanishedMs: number;
}

/** What was read of a process a moment ago. */
interface ProcessCgroups {
  readonly v2: string | undefined;
  readonly v1: CgroupPlace | undefined;
  readonly readMs: number;
}

const MAX_WAITING = 16_384;
const MAX_PROCESSES = 4096;
/** Pids are reused, so what was read of one is believed for this long only. */
const PROCESS_MS = 1000;

/**
 * cgroup v2 id (inode number) to path, learnt by walking the hierarchy: at start, at times, and when an id is not known.
 *
 * A miss with a live process is answered from `PROC/PID/cgroup`; any other starts a walk whose first slice runs at once, and which
 * in most trees finds it. What it finds later grows the version.
 */
export class CgroupTree {
  readonly #procPath: string;
  readonly #mountPath: string | undefined;
  readonly #hasV1: boolean;
  readonly #clock: () => number;
  readonly #version: AnswerVersion;
  readonly #missIntervalMs: number;
  readonly #refreshIntervalMs: number;
  readonly #graceMs: number;
  readonly #maxDirectories: number;
  readonly #walk: BackgroundWalk;
  readonly #known = new Map<bigint, KnownCgroup>();
  /** Ids asked for, with the number of the first walk that began afterwards: what that one does not find is not there. */
  readonly #waiting = new Map<bigint, number>();
  readonly #notFound = new Set<bigint>();
  readonly #processes = new Map<number, ProcessCgroups>();
  #refresh: NodeJS.Timeout | undefined;
  #walkNumber = 0;
  #misses = 0;
  #notFoundTotal = 0;
  #budgetRefusals = 0;

  constructor(options: CgroupTreeOptions) {
    this.#procPath = options.procPath;
    const mount = findCgroupMount(options.procPath);
    this.#mountPath = options.cgroupPath ?? mount.path;
    this.#hasV1 = mount.hasV1;
    this.#clock = options.clock;
    this.#version = options.version;
    this.#missIntervalMs = options.missIntervalMs ?? 250;
    this.#refreshIntervalMs = options.refreshIntervalMs ?? 5000;
    this.#graceMs = options.graceMs ?? 300_000;
    this.#maxDirectories = options.maxDirectories ?? 50_000;
    this.#walk = new BackgroundWalk({ steps: () => this.#steps(), sliceMs: options.sliceMs ?? 4 });
  }

  /** Walks the whole tree once, and from then on at times. */
  async start(): Promise<void> {
    if (this.#mountPath === undefined) return;
    await this.#walk.runNow();
    if (this.#refreshIntervalMs === 0) return;
    this.#refresh ??= setInterval(() => this.#walk.request(this.#refreshIntervalMs), this.#refreshIntervalMs).unref();
  }

  /** Idempotent. */
  shutdown(): void {
    clearInterval(this.#refresh);
    this.#walk.shutdown();
  }

  /** The cgroup of an id; `pid` (0 where unknown) is a process that was seen in it. */
  lookup(id: bigint, pid: number): Cgroup | undefined {
    return this.#known.get(id) ?? this.#miss(id, pid);
  }

  /** Where a process lives by the v1 hierarchies, which know containers that the v2 one may not. */
  v1Place(pid: number): CgroupPlace | undefined {
    return this.#hasV1 && pid > 0 ? this.#process(pid)?.v1 : undefined;
  }

  stats(): CgroupTreeStats {
    return {
      cgroups: this.#known.size,
      misses: this.#misses,
      waiting: this.#waiting.size,
      notFound: this.#notFoundTotal,
      walks: this.#walk.runs,
      walkFailures: this.#walk.failures,
      budgetRefusals: this.#budgetRefusals,
    };
  }

  #miss(id: bigint, pid: number): Cgroup | undefined {
    this.#misses += 1;
    const ofProcess = this.#cgroupOfProcess(id, pid);
    if (ofProcess !== undefined || this.#mountPath === undefined || this.#notFound.has(id)) return ofProcess;
    if (!this.#walk.running && !this.#waiting.has(id)) {
      this.#walk.request(this.#missIntervalMs);
      const found = this.#known.get(id);
      if (found !== undefined) return found;
    }
    this.#wait(id);
    this.#walk.request(this.#missIntervalMs);
    return undefined;
  }

  #wait(id: bigint): void {
    if (this.#waiting.has(id)) return;
    if (this.#waiting.size >= MAX_WAITING) this.#budgetRefusals += 1;
    else this.#waiting.set(id, this.#walkNumber + 1);
  }

  /** The path that the process names, kept where its directory has the id that was asked for, as the process may have moved, or be another. */
  #cgroupOfProcess(id: bigint, pid: number): Cgroup | undefined {
    const path = pid > 0 ? this.#process(pid)?.v2 : undefined;
    if (path === undefined) return undefined;
    if (path.startsWith("/../")) {
      // A path above our cgroup namespace has no place below the mount that we could look at; it still names its pod.
      const place = placeOfCgroup(path);
      return place.podUid === undefined ? undefined : { path, place };
    }
    try {
      if (statSync(`${this.#mountPath}${path}`, { bigint: true }).ino !== id) return undefined;
    } catch {
      return undefined;
    }
    return this.#learn(id, path);
  }

  #process(pid: number): ProcessCgroups | undefined {
    const nowMs = this.#clock();
    const known = this.#processes.get(pid);
    if (known !== undefined && nowMs - known.readMs < PROCESS_MS) return known;
    if (this.#processes.size >= MAX_PROCESSES) this.#processes.clear();
    let text = "";
    try {
      text = textOfBytes(readFileSync(`${this.#procPath}/${pid}/cgroup`));
    } catch {
      // It has ended, and its paths with it.
    }
    const read = { ...processCgroups(text), readMs: nowMs };
    this.#processes.set(pid, read);
    return read;
  }

  #learn(id: bigint, path: string): KnownCgroup {
    const known = this.#known.get(id);
    if (known !== undefined && known.path === path) {
      known.seenIn = this.#walkNumber;
      known.vanishedMs = 0;
      return known;
    }
    const cgroup = { path, place: placeOfCgroup(path), seenIn: this.#walkNumber, vanishedMs: 0 };
    this.#known.set(id, cgroup);
    if (this.#waiting.delete(id) || this.#notFound.delete(id)) this.#version.bump();
    return cgroup;
  }

  *#steps(): Generator<void> {
    this.#walkNumber += 1;
    const root = Buffer.from(this.#mountPath ?? "");
    const slash = Buffer.from("/");
    const pending: Buffer[] = [root];
    let looked = 0;
    for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
      if (looked >= this.#maxDirectories) {
        this.#budgetRefusals += 1;
        return;
      }
      looked += 1;
      for (const name of this.#visit(directory, root.length)) pending.push(Buffer.concat([directory, slash, name]));
      yield;
    }
    this.#settle();
  }

  /** Learns one directory and returns the names of those in it. */
  #visit(directory: Buffer, rootLength: number): Buffer[] {
    try {
      const { ino, nlink } = statSync(directory, { bigint: true });
      this.#learn(ino, textOfBytes(directory.subarray(rootLength)) || "/");
      // Each directory inside is one more link, so most need not be read.
      if (nlink === 2n) return [];
      return readdirSync(directory, { withFileTypes: true, encoding: "buffer" })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name);
    } catch {
      return []; // It went while we came.
    }
  }

  /** After a whole walk: what it did not see is gone. */
  #settle(): void {
    const nowMs = this.#clock();
    for (const [id, cgroup] of this.#known) {
      if (cgroup.seenIn === this.#walkNumber) continue;
      if (cgroup.vanishedMs === 0) cgroup.vanishedMs = nowMs;
      else if (nowMs - cgroup.vanishedMs > this.#graceMs) this.#known.delete(id);
    }
    if (this.#notFound.size >= MAX_WAITING) this.#notFound.clear();
    let unsettled = false;
    for (const [id, decisiveWalk] of this.#waiting) {
      if (decisiveWalk > this.#walkNumber) {
        unsettled = true;
        continue;
      }
      this.#waiting.delete(id);
      this.#notFound.add(id);
      this.#notFoundTotal += 1;
    }
    // Ids that came while this walk was under way need the next one; it cannot begin inside this one's last step.
    if (unsettled) setImmediate(() => this.#walk.request(this.#missIntervalMs)).unref();
  }
}

/** Reads `/proc/PID/cgroup`: lines of `HIERARCHY:CONTROLLERS:PATH`, where v2 is `0::PATH`. */
function processCgroups(text: string): Pick<ProcessCgroups, "v1" | "v2"> {
  let v2: string | undefined;
  let v1: CgroupPlace | undefined;
  for (const line of text.split("\n")) {
    const found = /^(\d+):([^:]*):(.*)$/s.exec(line);
    if (found === null) continue;
    const cgroupPath = (found[3] ?? "").replace(/ \(deleted\)$/, "");
    if (found[1] === "0" && found[2] === "") v2 = cgroupPath;
    else v1 = tells(v1) ? v1 : placeOfCgroup(cgroupPath);
  }
  return { v1: tells(v1) ? v1 : undefined, v2 };
}

function tells(place: CgroupPlace | undefined): boolean {
  return Object.values(place ?? {}).some((value) => value !== undefined);
}
