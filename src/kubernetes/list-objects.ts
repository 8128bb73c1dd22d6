import { ListDecoder, type OnTooLarge } from "./list-decoder.ts";
import { WatchError } from "./watch-error.ts";
import { type RequestContext, requestProtobuf } from "./watch-request.ts";
import type { WatchTiming } from "./watch-timing.ts";

/** Which list is asked for. */
export interface ListRequest {
  /** Plural name of the resource, for error texts. */
  readonly name: string;
  readonly path: string;
  /** `0`: whatever the server's cache has; empty: the newest. */
  readonly resourceVersion: string;
  /** Without pages no page can expire, however slow this is. */
  readonly paged: boolean;
}

/**
 * Lists everything, page by page, and calls `onItem` with the bytes of each object while they arrive, and `onTooLarge` for
 * those that are left out. Returns the resource version to watch from. Throws WatchError.
 */
export async function listObjects(
  context: RequestContext,
  timing: WatchTiming,
  list: ListRequest,
  onItem: (bytes: Buffer, start: number, end: number) => void,
  onTooLarge: OnTooLarge,
): Promise<string> {
  const action = `list ${list.name}`;
  const startedMs = context.clock.monotonicMs();
  let continueToken = "";
  let resourceVersion = "";
  for (;;) {
    const query = new URLSearchParams();
    if (list.paged) query.set("limit", String(timing.pageObjects));
    if (continueToken !== "") query.set("continue", continueToken);
    else if (list.resourceVersion !== "") query.set("resourceVersion", list.resourceVersion);
    const decoder = new ListDecoder(onItem, onTooLarge);
    await requestProtobuf(context, {
      action,
      path: `${list.path}?${query}`,
      stream: false,
      responseMs: timing.responseMs,
      onChunk(chunk) {
        decoder.push(chunk);
        // A server that trickles is heard all the time and would never be silent.
        if (context.clock.monotonicMs() - startedMs <= timing.listMs) return true;
        throw new WatchError("timeout", `Cannot ${action}: not complete after ${timing.listMs} ms`);
      },
      onEnd() {
        const end = decoder.end();
        continueToken = end.continueToken;
        resourceVersion = end.resourceVersion;
      },
    });
    if (continueToken === "") return resourceVersion;
  }
}
