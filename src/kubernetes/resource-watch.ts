import type { ApiClient } from "./api-client.ts";
import { readStatus, statusError } from "./api-status.ts";
import { Backoff } from "./backoff.ts";
import { type Clock, sleep } from "./clock.ts";
import { DecodeError } from "./decode-error.ts";
import { Delivery } from "./delivery.ts";
import type { Interner } from "./interner.ts";
import { MAX_OBJECT_BYTES } from "./list-decoder.ts";
import { listObjects } from "./list-objects.ts";
import { readBookmark, readIdentity } from "./object-meta.ts";
import type { ObjectSink } from "./objects.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import type { Resource } from "./resource.ts";
import type { StreamReader } from "./stream-reader.ts";
import { WATCH_ERROR_KINDS, WatchError, type WatchErrorKind } from "./watch-error.ts";
import type { WatchEventType } from "./watch-event.ts";
import { watchObjects } from "./watch-objects.ts";
import type { RequestContext, RequestMeter } from "./watch-request.ts";
import type { WatchPhase, WatchState } from "./watch-state.ts";
import type { WatchTiming } from "./watch-timing.ts";
import { WatchTrouble } from "./watch-trouble.ts";

/** Share of a Retry-After by which it is stretched at most. */
const RETRY_AFTER_JITTER = 0.25;

/** What a watch works with; shared by all of an agent's. */
export interface WatchContext {
  readonly client: ApiClient;
  readonly sink: ObjectSink;
  readonly interner: Interner;
  readonly clock: Clock;
  readonly reader: StreamReader;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly timing: WatchTiming;
  /** Told of an error that was counted, where it is news. */
  readonly onError: (resource: string, error: WatchError) => void;
  /** Told when a resource is followed again after it was told of an error that ended that. */
  readonly onRecovery: (resource: string, downMs: number) => void;
  /** Told when `synced` or `phase` changed. */
  readonly onChange: () => void;
}

/**
 * Follows one resource for ever: everything that exists first, streamed by the watch itself (WatchList) where the server
 * can and listed where it cannot, then every change. After an error it goes on from where it was; only an expired
 * resource version makes it fetch everything again.
 */
export class ResourceWatch<Slim extends { readonly uid: string }> {
  readonly #resource: Resource<Slim>;
  readonly #context: WatchContext;
  readonly #delivery: Delivery<Slim>;
  readonly #backoff: Backoff;
  readonly #deniedBackoff: Backoff;
  readonly #listReader = new ProtobufReader();
  readonly #meter: RequestMeter = { requests: 0, receivedBytes: 0 };
  readonly #trouble: WatchTrouble;
  readonly #errors = Object.fromEntries(WATCH_ERROR_KINDS.map((kind) => [kind, 0])) as Record<WatchErrorKind, number>;

  #phase: WatchPhase = "listing";
  #synced = false;
  #lastEventUnixMs: number;
  #lists = 0;
  #events = 0;
  #lastError = "";
  /** Since when changes are followed; undefined while they are not. */
  #watchingSinceMs: number | undefined;
  /** Where to go on; undefined where everything must be fetched. */
  #resourceVersion: string | undefined;
  /** How new the next full list must be: any age at first; after 410 the newest, or time could run backwards. */
  #listFrom = "0";
  #listPaged = true;
  /** Until when what exists is listed because the server would not stream it. */
  #streamAgainMs = Number.NEGATIVE_INFINITY;
  /** The server has just failed to stream what exists: whether it cannot, or nothing works, the list will show. */
  #streamFailed = false;
  /** Where a stream last broke that could not be decoded. */
  #undecodedFrom: string | undefined;

  constructor(resource: Resource<Slim>, context: WatchContext) {
    this.#resource = resource;
    this.#context = context;
    this.#lastEventUnixMs = context.clock.unixMs();
    const { backoffBaseMs, backoffMaxMs, deniedBaseMs, deniedMaxMs } = context.timing;
    this.#backoff = new Backoff(backoffBaseMs, backoffMaxMs, context.random);
    this.#deniedBackoff = new Backoff(deniedBaseMs, deniedMaxMs, context.random);
    this.#trouble = new WatchTrouble(context.clock);
    this.#delivery = new Delivery(resource, context.sink, {
      onSinkError: (cause) =>
        this.#leaveOut(new WatchError("sink", `Cannot deliver ${resource.name}: ${String(cause)}`, { cause })),
      onFull: (objects) =>
        this.#leaveOut(new WatchError("budget", `Left out one of the ${resource.name}: ${objects} are kept, no more`)),
    });
  }

  /** Runs until the signal is aborted; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const delayMs = await this.#turn(signal);
      await sleep(this.#context.clock, delayMs, signal);
    }
  }

  state(): WatchState {
    return {
      resource: this.#resource.name,
      phase: this.#phase,
      synced: this.#synced,
      lastEventUnixMs: this.#lastEventUnixMs,
      objects: this.#delivery.objects,
      lists: this.#lists,
      requests: this.#meter.requests,
      receivedBytes: this.#meter.receivedBytes,
      events: this.#events,
      errors: { ...this.#errors },
      lastError: this.#lastError,
    };
  }

  /** Fetches everything if needed and watches until that ends. Returns how long to wait, in milliseconds. */
  async #turn(signal: AbortSignal): Promise<number> {
    const { client, clock, reader } = this.#context;
    const context: RequestContext = { client, clock, reader, meter: this.#meter, signal };
    try {
      if (this.#resourceVersion === undefined && !this.#mayStream()) await this.#list(context);
      await this.#watch(context);
      // The server ended the watch, as it should after timeoutSeconds: go on at once, unless it makes a habit of it.
      return this.#wasStable() ? 0 : this.#backoff.nextMs();
    } catch (error) {
      return signal.aborted ? 0 : this.#delayAfter(error as WatchError);
    } finally {
      this.#watchingSinceMs = undefined;
    }
  }

  #mayStream(): boolean {
    return !this.#streamFailed && this.#context.clock.monotonicMs() >= this.#streamAgainMs;
  }

  #delayAfter(error: WatchError): number {
    const { random } = this.#context;
    const fetching = this.#phase === "listing";
    if (fetching && this.#mayStream() && (error.kind === "refused" || error.kind === "silent")) {
      // A server without WatchList refuses it, or before 1.27 does not know the word and never marks the end.
      this.#streamFailed = true;
      return 0;
    }
    const wasStable = this.#wasStable();
    if (error.kind === "silent" && !fetching) {
      // Perhaps there was nothing to say: where nothing changes at all, a server may keep its bookmarks to itself. A new
      // request tells, costs next to nothing, and is news to nobody unless it fails.
      this.#errors.silent++;
      this.#lastError = error.message;
      this.#enter("backoff");
      return wasStable ? 0 : this.#backoff.nextMs();
    }
    this.#count(error);
    if (error.kind === "expired") {
      // A page can expire too, when this is slow: next time everything comes in one piece.
      this.#listPaged = !fetching;
      this.#listFrom = "";
      this.#resourceVersion = undefined;
    } else if (error.kind === "decode" && this.#resourceVersion !== undefined) {
      // The same bytes would come again and again: the second time, what they were to tell is fetched.
      if (this.#undecodedFrom === this.#resourceVersion) this.#resourceVersion = undefined;
      this.#undecodedFrom = this.#resourceVersion;
    }
    // Where lists fail, too, nothing is known of streams; where a page of one has expired, lists work.
    if (error.kind !== "expired") this.#streamFailed = false;
    // Everyone was told the same: who comes back at the same moment is turned away again.
    const retryAfterMs = error.retryAfterMs * (1 + RETRY_AFTER_JITTER * random());
    if (error.kind === "forbidden" || error.kind === "missing") {
      this.#enter("denied");
      return Math.max(this.#deniedBackoff.nextMs(), retryAfterMs);
    }
    this.#enter("backoff");
    return Math.max(this.#backoff.nextMs(), retryAfterMs);
  }

  async #list(context: RequestContext): Promise<void> {
    const { name, path } = this.#resource;
    this.#enter("listing");
    this.#delivery.beginList();
    const list = { name, path, resourceVersion: this.#listFrom, paged: this.#listPaged };
    const onItem = (bytes: Buffer, start: number, end: number) => {
      this.#events++;
      this.#upsert(this.#listReader.open(bytes, start, end));
    };
    const { timing, clock } = this.#context;
    const resourceVersion = await listObjects(context, timing, list, onItem, (size) => this.#leaveOutLarge(size));
    if (this.#streamFailed) this.#streamAgainMs = clock.monotonicMs() + timing.streamRetryMs;
    this.#streamFailed = false;
    this.#complete(resourceVersion);
  }

  async #watch(context: RequestContext): Promise<void> {
    const { timing, random, clock } = this.#context;
    const initialEvents = this.#resourceVersion === undefined;
    if (initialEvents) {
      this.#enter("listing");
      this.#delivery.beginList();
    }
    let initialEventsEnded = () => {};
    await watchObjects(context, timing, {
      name: this.#resource.name,
      path: this.#resource.path,
      resourceVersion: this.#resourceVersion ?? this.#listFrom,
      initialEvents,
      timeoutSeconds: Math.round(timing.watchMinSeconds + random() * (timing.watchMaxSeconds - timing.watchMinSeconds)),
      onOpen: (ended) => {
        initialEventsEnded = ended;
        this.#watchingSinceMs = clock.monotonicMs();
        if (!initialEvents) this.#enter("watching");
      },
      onEvent: (type, reader) => {
        this.#events++;
        this.#lastEventUnixMs = clock.unixMs();
        if (type !== "BOOKMARK") this.#take(type, reader);
        else if (this.#takeBookmark(reader)) initialEventsEnded();
        if (this.#trouble.isTold) this.#wasStable();
      },
      onTooLarge: (size) => this.#leaveOutLarge(size),
    });
    if (this.#resourceVersion === undefined) {
      throw new WatchError("connection", `Cannot watch ${this.#resource.name}: ended before everything was sent`);
    }
  }

  #take(type: Exclude<WatchEventType, "BOOKMARK">, reader: ProtobufReader): void {
    switch (type) {
      case "ADDED":
      case "MODIFIED":
        this.#advance(this.#upsert(reader));
        break;
      case "DELETED": {
        const { uid, resourceVersion } = readIdentity(reader, this.#context.interner);
        this.#delivery.delete(uid);
        this.#advance(resourceVersion);
        break;
      }
      case "ERROR":
        throw statusError(`watch ${this.#resource.name}`, readStatus(reader));
    }
  }

  /** Returns whether it marks the end of the initial events. */
  #takeBookmark(reader: ProtobufReader): boolean {
    const { resourceVersion, initialEventsEnd } = readBookmark(reader);
    const ends = initialEventsEnd && this.#resourceVersion === undefined;
    if (ends) this.#complete(resourceVersion);
    else this.#advance(resourceVersion);
    return ends;
  }

  /** Returns the object's resource version, empty where it cannot be decoded: then it is counted and left out. */
  #upsert(reader: ProtobufReader): string {
    try {
      const { object, resourceVersion } = this.#resource.decode(reader, this.#context.interner);
      this.#delivery.upsert(object, resourceVersion);
      return resourceVersion;
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      this.#leaveOut(
        new WatchError("decode", `Left out one of the ${this.#resource.name}: ${cause.message}`, { cause }),
      );
      return "";
    }
  }

  #leaveOutLarge(objectBytes: number): void {
    const { name } = this.#resource;
    const text = `Left out one of the ${name}: it has ${objectBytes} bytes, at most ${MAX_OBJECT_BYTES} are taken`;
    this.#events++;
    this.#leaveOut(new WatchError("decode", text));
  }

  // While the initial events come, their versions are in no order: only the mark at their end is a place to go on from.
  #advance(resourceVersion: string): void {
    if (this.#resourceVersion !== undefined && resourceVersion !== "") this.#resourceVersion = resourceVersion;
  }

  /** Everything that exists was delivered. */
  #complete(resourceVersion: string): void {
    this.#delivery.endList();
    this.#resourceVersion = resourceVersion;
    this.#listPaged = true;
    this.#synced = true;
    this.#lists++;
    this.#lastEventUnixMs = this.#context.clock.unixMs();
    this.#enter("watching");
  }

  /** Whether changes were followed for long enough to call it a success; then the next delay starts from the base. */
  #wasStable(): boolean {
    const { clock, timing } = this.#context;
    const stable =
      this.#watchingSinceMs !== undefined && clock.monotonicMs() - this.#watchingSinceMs >= timing.stableMs;
    if (stable) {
      this.#backoff.reset();
      this.#deniedBackoff.reset();
      this.#trouble.over();
    }
    return stable;
  }

  #enter(phase: WatchPhase): void {
    this.#phase = phase;
    this.#context.onChange();
    if (phase !== "watching") return;
    const downMs = this.#trouble.recovered();
    if (downMs !== undefined) this.#context.onRecovery(this.#resource.name, downMs);
  }

  /** An error that ended a list or a watch. */
  #count(error: WatchError): void {
    this.#errors[error.kind]++;
    this.#lastError = error.message;
    if (this.#trouble.isNews(error.kind)) this.#context.onError(this.#resource.name, error);
  }

  /** An error about one object, which costs that object alone. */
  #leaveOut(error: WatchError): void {
    this.#errors[error.kind]++;
    this.#lastError = error.message;
    if (this.#trouble.isNewsOfObject(error.kind)) this.#context.onError(this.#resource.name, error);
  }
}
