import type { ApiClient } from "./api-client.ts";
import { parseRetryAfter, parseStatus, statusError } from "./api-status.ts";
import type { Clock } from "./clock.ts";
import { DecodeError } from "./decode-error.ts";
import { type ByteSource, firstBytes } from "./http/byte-source.ts";
import { Gunzipped } from "./http/gunzipped.ts";
import type { HttpResponse } from "./http/http-response.ts";
import { SilenceGuard } from "./silence-guard.ts";
import type { StreamReader } from "./stream-reader.ts";
import { WatchError } from "./watch-error.ts";

const PROTOBUF = "application/vnd.kubernetes.protobuf";
const MAX_ERROR_BODY_BYTES = 65_536;

/** One request for protobuf and the silence that it may keep. */
export interface ProtobufRequest {
  /** For error texts, such as `list pods`. */
  readonly action: string;
  readonly path: string;
  readonly stream: boolean;
  /** How long the response's head may take. */
  readonly responseMs: number;
  /** A success: the body comes now. */
  onHead?(guard: SilenceGuard): void;
  /** Returns whether it was worth waiting for: what is not leaves the server as silent as it was. */
  onChunk(chunk: Buffer): boolean;
  /** Whether what comes from now on may wait for a moment, which makes it cheaper; by default it may not. */
  mayWait?(): boolean;
  /** The body ended as HTTP has it. What this throws is the request's error, as with `onChunk`. */
  onEnd(): void;
}

/** What requests cost. */
export interface RequestMeter {
  requests: number;
  /** Of response bodies. */
  receivedBytes: number;
}

/** How requests are made, and who ends them. */
export interface RequestContext {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly reader: StreamReader;
  readonly meter: RequestMeter;
  readonly signal: AbortSignal;
}

/**
 * Sends the request and feeds the body to `onChunk` until it ends. Throws WatchError for whatever is not a complete
 * success, and the context's signal's reason where that is aborted. The body may pause as long as the head may take,
 * unless `onHead` expects otherwise.
 */
export async function requestProtobuf(context: RequestContext, request: ProtobufRequest): Promise<void> {
  const { client, clock, reader, meter } = context;
  const guard = new SilenceGuard(clock, context.signal);
  try {
    guard.expect(request.responseMs, () => {
      return new WatchError("timeout", `Cannot ${request.action}: no answer for ${request.responseMs} ms`);
    });
    meter.requests++;
    const accept = request.stream ? `${PROTOBUF};stream=watch` : PROTOBUF;
    const response = await client.get(request.path, accept, guard.signal);
    const contentType = response.headers.get("content-type") ?? "";
    if (response.status !== 200) {
      const status = parseStatus(response.status, contentType, await firstBytes(response, MAX_ERROR_BODY_BYTES));
      throw statusError(request.action, status, parseRetryAfter(response.headers.get("retry-after"), clock.unixMs()));
    }
    if (!contentType.startsWith(PROTOBUF)) {
      response.discard();
      throw new DecodeError(`expected ${PROTOBUF}, the server sent ${JSON.stringify(contentType)}`);
    }
    guard.heard();
    request.onHead?.(guard);
    await reader.read(decoded(response), {
      take(chunk) {
        meter.receivedBytes += chunk.length;
        if (request.onChunk(chunk)) guard.heard();
      },
      mayWait: () => request.mayWait?.() ?? false,
    });
    request.onEnd();
  } catch (error) {
    throw guard.signal.aborted ? guard.signal.reason : asWatchError(request.action, error);
  } finally {
    guard.dispose();
  }
}

/** The body as it was before somebody on the way compressed it, which nobody was asked to. */
function decoded(response: HttpResponse): ByteSource {
  const encoding = response.headers.get("content-encoding") ?? "identity";
  if (encoding === "identity") return response;
  if (encoding === "gzip") return new Gunzipped(response);
  response.discard();
  throw new DecodeError(`expected no content-encoding but gzip, the server sent ${JSON.stringify(encoding)}`);
}

function asWatchError(action: string, cause: unknown): WatchError {
  if (cause instanceof WatchError) return cause;
  const kind = cause instanceof DecodeError ? "decode" : "connection";
  return new WatchError(kind, `Cannot ${action}: ${(cause as Error).message}`, { cause });
}
