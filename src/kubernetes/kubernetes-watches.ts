import { ApiClient } from "./api-client.ts";
import { type Clock, sleep, systemClock } from "./clock.ts";
import type { Credentials } from "./credentials.ts";
import { Interner } from "./interner.ts";
import type { ObjectSink } from "./objects.ts";
import { NO_SELECTION, type PodSelection } from "./pod-selection.ts";
import { ResourceWatch, type WatchContext } from "./resource-watch.ts";
import { StreamReader } from "./stream-reader.ts";
import type { WatchError } from "./watch-error.ts";
import type { WatchState } from "./watch-state.ts";
import { DEFAULT_WATCH_TIMING, type WatchTiming } from "./watch-timing.ts";
import { ownerResources, type WatchedOwners, watchedResources } from "./watched-resources.ts";

/** How long a watch that goes on may take to send what it missed. */
const CATCH_UP_MS = 1000;

export interface KubernetesWatchesOptions {
  readonly credentials: Credentials;
  readonly sink: ObjectSink;
  /** What is kept of pods besides; nothing by default. */
  readonly selection?: PodSelection;
  /** Which owners of pods are watched for their own owners; none by default. */
  readonly owners?: WatchedOwners;
  readonly clock?: Clock;
  /** Numbers in [0, 1), for jitter. */
  readonly random?: () => number;
  readonly timing?: Partial<WatchTiming>;
  /** Aborting it does what `shutdown()` does, without waiting. */
  readonly signal?: AbortSignal;
  /** Told of errors that are news, for the log: of each kind once until the resource is well again. The watch goes on by itself. */
  readonly onError?: (resource: string, error: WatchError) => void;
  /** Told when a resource is followed again, and for how long it was not. */
  readonly onRecovery?: (resource: string, downMs: number) => void;
}

/**
 * Watches pods, services, nodes and endpoint slices of all namespaces and hands them to a sink, until shut down. A resource that is
 * denied or broken leaves the others working; no failure of the API server ends a watch.
 */
export class KubernetesWatches {
  readonly #watches: readonly ResourceWatch<{ readonly uid: string }>[];
  readonly #client: ApiClient;
  readonly #metadataClient: ApiClient;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #startJitterMs: number;
  readonly #sink: ObjectSink;
  readonly #stop = new AbortController();
  /** Resources whose connection was away since their news were last fresh. */
  readonly #away = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #running: Promise<unknown> | undefined;

  constructor(options: KubernetesWatchesOptions) {
    this.#client = new ApiClient(options.credentials);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    const timing = { ...DEFAULT_WATCH_TIMING, ...options.timing };
    this.#startJitterMs = timing.startJitterMs;
    this.#sink = options.sink;
    const context: WatchContext = {
      client: this.#client,
      sink: options.sink,
      interner: new Interner(),
      clock: this.#clock,
      reader: new StreamReader(this.#clock, timing.restMs),
      random: this.#random,
      timing,
      onError: options.onError ?? (() => {}),
      onRecovery: options.onRecovery ?? (() => {}),
      onChange: () => {
        this.#noticeAbsence();
        this.#wake();
      },
    };
    this.#metadataClient = new ApiClient(options.credentials, true);
    const owners = ownerResources(options.owners ?? { jobs: false, replicaSets: false });
    this.#watches = [...watchedResources(options.selection ?? NO_SELECTION), ...owners].map((resource) => {
      const client = resource.metadataOnly ? this.#metadataClient : this.#client;
      return new ResourceWatch(resource, { ...context, client });
    });
    if (options.signal?.aborted) this.#stop.abort();
    else
      options.signal?.addEventListener("abort", () => void this.shutdown(), { once: true, signal: this.#stop.signal });
  }

  /** Begins to watch. Does nothing when it was called before, or after `shutdown()`. */
  start(): void {
    if (this.#running !== undefined || this.#stop.signal.aborted) return;
    const { signal } = this.#stop;
    // Each at its own time: a connection takes either end some milliseconds.
    const run = async (watch: ResourceWatch<{ readonly uid: string }>) => {
      await sleep(this.#clock, this.#random() * this.#startJitterMs, signal);
      await watch.run(signal);
    };
    this.#running = Promise.all(this.#watches.map(run));
  }

  /** Whether each watch has delivered everything that exists, or is denied (which `states()` then says). */
  get synced(): boolean {
    return this.#watches.every((watch) => {
      const { synced, phase } = watch.state();
      return synced || phase === "denied";
    });
  }

  /** Resolves once `synced` is true, or on shutdown. */
  async whenSynced(): Promise<void> {
    while (!this.synced && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  states(): readonly WatchState[] {
    return this.#watches.map((watch) => watch.state());
  }

  /** Ends all watches and their connections. May be called again; resolves when nothing runs any more. */
  async shutdown(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
    this.#client.close();
    this.#metadataClient.close();
  }

  /** Tells the sink when news may be old: while a watch is away, and for as long as it catches up afterwards. */
  #noticeAbsence(): void {
    for (const { resource, phase } of this.states()) {
      if (phase === "backoff" && !this.#away.has(resource)) {
        this.#away.add(resource);
        this.#sink.newsMayBeOld?.(resource);
      } else if (phase === "watching" && this.#away.delete(resource)) {
        void this.#freshenLater(resource);
      }
    }
  }

  async #freshenLater(resource: string): Promise<void> {
    await sleep(this.#clock, CATCH_UP_MS, this.#stop.signal);
    if (!this.#away.has(resource) && !this.#stop.signal.aborted) this.#sink.newsAreFresh?.(resource);
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
