import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { AddressSet } from "./address-set.ts";
import { AddressTable } from "./address-table.ts";
import { isLoopback } from "./address-text.ts";
import type { AnswerVersion } from "./answer-version.ts";
import { AskedKeys } from "./asked.ts";
import { BackgroundWalk } from "./background-walk.ts";
import type { AddressWords, LocalSocket } from "./endpoint.ts";
import { ipv4LocalAddresses, ipv6LocalAddresses } from "./local-addresses.ts";

export interface HostAddressesOptions {
  readonly procPath: string;
  /** Milliseconds since the Unix epoch. */
  readonly clock: () => number;
  readonly version: AnswerVersion;
  /** The network namespaces of the node itself; by default those of pid 1 and of the agent. */
  readonly hostNetns?: readonly number[];
  /** Pause between walks that an unknown namespace asks for; 1000 by default. */
  readonly newNamespaceIntervalMs?: number;
  /** Pause between walks that an unknown address asks for, doubled up to eight times as long while they find nothing; 10 000 by default. */
  readonly missIntervalMs?: number;
  /** Bytes read of one namespace's routing tables; 4 MiB by default. */
  readonly maxBytes?: number;
  /** Processes looked at in one walk; 100 000 by default. */
  readonly maxProcesses?: number;
  /** Longest time at a stretch on the event loop; 4 by default. */
  readonly sliceMs?: number;
}

export interface HostAddressesStats {
  readonly namespaces: number;
  readonly addresses: number;
  readonly learntAddresses: number;
  readonly walks: number;
  readonly walkFailures: number;
  /** Routing tables cut short, walks cut short, and addresses that were not kept because there are too many. */
  readonly budgetRefusals: number;
}

interface Learnt {
  readonly netns: number;
  seenMs: number;
}

const MAX_LEARNT = 65_536;
const LEARNT_MS = 600_000;
const MAX_BACKOFF = 8;
const NONE: readonly AddressWords[] = [];

/**
 * The addresses of every network namespace on this host, read through one process of each (`PROC/PID/net`), without entering any; and
 * those that local sockets were seen to use.
 *
 * A namespace without a process is known by its sockets only.
 */
export class HostAddresses {
  /** The namespaces of the node itself. */
  readonly hostNetns: ReadonlySet<number>;
  readonly #hostNetns = new Set<number>();
  readonly #procPath: string;
  readonly #clock: () => number;
  readonly #newNamespaceIntervalMs: number;
  readonly #missIntervalMs: number;
  readonly #maxProcesses: number;
  readonly #buffer: Buffer;
  readonly #walk: BackgroundWalk;
  readonly #missed: AskedKeys<AddressWords>;
  readonly #missedNetns: AskedKeys<number>;
  readonly #learnt = new AddressTable<Learnt>();
  #byNetns = new Map<number, readonly AddressWords[]>();
  #byAddress = new AddressTable<number>();
  #backoff = 1;
  #budgetRefusals = 0;

  constructor(options: HostAddressesOptions) {
    this.hostNetns = this.#hostNetns;
    this.#procPath = options.procPath;
    this.#clock = options.clock;
    this.#newNamespaceIntervalMs = options.newNamespaceIntervalMs ?? 1000;
    this.#missIntervalMs = options.missIntervalMs ?? 10_000;
    this.#maxProcesses = options.maxProcesses ?? 100_000;
    this.#buffer = Buffer.allocUnsafe(options.maxBytes ?? 4 * 1024 * 1024);
    this.#walk = new BackgroundWalk({ steps: () => this.#steps(), sliceMs: options.sliceMs ?? 4 });
    this.#missed = new AskedKeys(options.version, new AddressSet());
    this.#missedNetns = new AskedKeys(options.version, new Set<number>());
    const hostNetns = options.hostNetns ?? ["1", "self"].map((process) => this.#netnsOfProcess(process));
    for (const netns of hostNetns) if (netns !== 0) this.#hostNetns.add(netns);
  }

  /** Reads every namespace once. */
  async start(): Promise<void> {
    await this.#walk.runNow();
  }

  /** Idempotent. */
  shutdown(): void {
    this.#walk.shutdown();
  }

  /** A namespace that has the address, 0 where none is known to. */
  netnsOf(address: AddressWords): number {
    const netns = this.#byAddress.get(address) ?? this.#learnt.get(address)?.netns;
    if (netns !== undefined) return netns;
    this.#missed.ask(address);
    this.#walk.request(this.#missIntervalMs * this.#backoff);
    return 0;
  }

  addressesOf(netns: number): readonly AddressWords[] {
    const addresses = this.#byNetns.get(netns);
    if (addresses === undefined) this.#missedNetns.ask(netns);
    return addresses ?? NONE;
  }

  /** The address of a local socket is an address of this host, whatever the tables say. */
  learn({ netns, address }: Pick<LocalSocket, "netns" | "address">): void {
    if (netns !== 0 && !this.#byNetns.has(netns)) this.#walk.request(this.#newNamespaceIntervalMs);
    if (netns === 0 || isLoopback(address) || this.#byAddress.get(address) !== undefined) return;
    const known = this.#learnt.get(address);
    if (known !== undefined && known.netns === netns) {
      known.seenMs = this.#clock();
    } else if (known === undefined && this.#learnt.size >= MAX_LEARNT) {
      this.#budgetRefusals += 1;
    } else {
      this.#learnt.set(address, { netns, seenMs: this.#clock() });
      this.#missed.learnt(address);
    }
  }

  stats(): HostAddressesStats {
    return {
      namespaces: this.#byNetns.size,
      addresses: this.#byAddress.size,
      learntAddresses: this.#learnt.size,
      walks: this.#walk.runs,
      walkFailures: this.#walk.failures,
      budgetRefusals: this.#budgetRefusals,
    };
  }

  *#steps(): Generator<void> {
    const byNetns = new Map<number, readonly AddressWords[]>();
    let processes = 0;
    for (const name of readdirSync(this.#procPath)) {
      if (!/^\d+$/.test(name)) continue;
      processes += 1;
      if (processes > this.#maxProcesses) {
        this.#budgetRefusals += 1;
        break;
      }
      const netns = this.#netnsOfProcess(name);
      if (netns === 0 || byNetns.has(netns)) {
        yield;
        continue;
      }
      const addresses = this.#addressesOfProcess(name);
      if (addresses !== undefined) byNetns.set(netns, addresses);
      yield;
    }
    this.#replace(byNetns);
  }

  #replace(byNetns: Map<number, readonly AddressWords[]>): void {
    const before = this.#byAddress;
    const beforeNetns = this.#byNetns;
    const byAddress = new AddressTable<number>();
    // The host's own namespaces first: an address that several have is more likely meant as the host's.
    for (const host of [true, false]) {
      for (const [netns, addresses] of byNetns) {
        if (this.#hostNetns.has(netns) !== host) continue;
        for (const address of addresses) if (byAddress.get(address) === undefined) byAddress.set(address, netns);
      }
    }
    this.#byNetns = byNetns;
    this.#byAddress = byAddress;
    let news = byNetns.size !== beforeNetns.size || byAddress.size !== before.size;
    for (const [address, netns] of byAddress.entries()) {
      if (before.get(address) === netns) continue;
      news = true;
      this.#missed.learnt(address);
    }
    for (const netns of byNetns.keys()) if (!beforeNetns.has(netns)) this.#missedNetns.learnt(netns);
    this.#backoff = news ? 1 : Math.min(MAX_BACKOFF, this.#backoff * 2);
    this.#forgetLearnt();
  }

  #forgetLearnt(): void {
    const beforeMs = this.#clock() - LEARNT_MS;
    const old: AddressWords[] = [];
    for (const [address, { seenMs }] of this.#learnt.entries()) {
      if (seenMs < beforeMs || this.#byAddress.get(address) !== undefined) old.push(address);
    }
    for (const address of old) this.#learnt.delete(address);
  }

  /** Inode number of a process's network namespace, 0 where it is gone or not ours to see. */
  #netnsOfProcess(process: string): number {
    try {
      return Number(/^net:\[(\d+)\]$/.exec(readlinkSync(`${this.#procPath}/${process}/ns/net`))?.[1] ?? 0);
    } catch {
      return 0;
    }
  }

  #addressesOfProcess(process: string): AddressWords[] | undefined {
    const fibTrie = this.#read(`${this.#procPath}/${process}/net/fib_trie`);
    const ifInet6 = this.#read(`${this.#procPath}/${process}/net/if_inet6`);
    if (fibTrie === undefined && ifInet6 === undefined) return undefined;
    return [...ipv4LocalAddresses(fibTrie ?? ""), ...ipv6LocalAddresses(ifInet6 ?? "")];
  }

  /** The file's text up to the budget: a router's tables may be huge. */
  #read(path: string): string | undefined {
    let file: number;
    try {
      file = openSync(path, "r");
    } catch {
      return undefined;
    }
    try {
      let length = 0;
      for (;;) {
        const read = readSync(file, this.#buffer, length, this.#buffer.length - length, null);
        length += read;
        if (read === 0) break;
        if (length === this.#buffer.length) {
          this.#budgetRefusals += 1;
          break;
        }
      }
      return this.#buffer.toString("latin1", 0, length);
    } catch {
      return undefined;
    } finally {
      closeSync(file);
    }
  }
}
