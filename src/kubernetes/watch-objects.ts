import { FrameSplitter } from "./frame-splitter.ts";
import type { OnTooLarge } from "./list-decoder.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import type { SilenceGuard } from "./silence-guard.ts";
import { WatchError } from "./watch-error.ts";
import { openWatchEvent, type WatchEventType } from "./watch-event.ts";
import { type RequestContext, requestProtobuf } from "./watch-request.ts";
import type { WatchTiming } from "./watch-timing.ts";

/** Which watch is asked for. */
export interface WatchRequest {
  /** Plural name of the resource, for error texts. */
  readonly name: string;
  readonly path: string;
  /** Changes after this; with `initialEvents`, everything at least this new first (empty: the newest). */
  readonly resourceVersion: string;
  readonly initialEvents: boolean;
  readonly timeoutSeconds: number;
  /** The server agreed; `initialEventsEnded` is to be called when the mark of their end came. */
  onOpen(initialEventsEnded: () => void): void;
  /** The reader stands before the event's object. What this throws ends the watch. */
  onEvent(type: WatchEventType, reader: ProtobufReader): void;
  /** For each event that is left out. */
  readonly onTooLarge: OnTooLarge;
}

/** Watches until the server ends that, as it does after `timeoutSeconds`. Throws WatchError. */
export async function watchObjects(context: RequestContext, timing: WatchTiming, watch: WatchRequest): Promise<void> {
  const action = `watch ${watch.name}`;
  const reader = new ProtobufReader();
  const frames = new FrameSplitter(
    (bytes, start, end) => watch.onEvent(openWatchEvent(reader, bytes, start, end), reader),
    watch.onTooLarge,
  );
  const startedMs = context.clock.monotonicMs();
  let initial = watch.initialEvents;
  const expectWithin = (guard: SilenceGuard, silenceMs: number) => {
    guard.expect(
      silenceMs,
      () => new WatchError("silent", `Cannot ${action}: the server was silent for ${silenceMs} ms`),
    );
  };
  await requestProtobuf(context, {
    action,
    path: `${watch.path}?${watchQuery(watch)}`,
    stream: true,
    responseMs: timing.responseMs,
    onHead(guard) {
      expectWithin(guard, watch.initialEvents ? timing.initialSilenceMs : timing.silenceMs);
      watch.onOpen(() => {
        initial = false;
        expectWithin(guard, timing.silenceMs);
      });
    },
    onChunk(chunk) {
      const before = frames.frames;
      frames.push(chunk);
      if (initial && context.clock.monotonicMs() - startedMs > timing.listMs) {
        throw new WatchError("timeout", `Cannot ${action}: what exists is not complete after ${timing.listMs} ms`);
      }
      // Bytes of an event that never ends are no sign of life.
      return frames.frames > before;
    },
    mayWait: () => !initial,
    onEnd() {
      if (!frames.isInFrame) return;
      throw new WatchError("connection", `Cannot ${action}: the stream ended in the middle of an event`);
    },
  });
}

function watchQuery(watch: WatchRequest): URLSearchParams {
  const query = new URLSearchParams({
    watch: "true",
    allowWatchBookmarks: "true",
    timeoutSeconds: String(watch.timeoutSeconds),
  });
  if (watch.resourceVersion !== "") query.set("resourceVersion", watch.resourceVersion);
  if (watch.initialEvents) {
    query.set("sendInitialEvents", "true");
    query.set("resourceVersionMatch", "NotOlderThan");
  }
  return query;
}
