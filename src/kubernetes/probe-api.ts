import { ApiClient } from "./api-client.ts";
import type { Credentials } from "./credentials.ts";
import { firstBytes } from "./http/byte-source.ts";
import { WATCHED_RESOURCES } from "./watched-resources.ts";

/** A right to list is not a right to watch, and Weir needs both. */
const QUERIES = ["limit=1", "watch=true&timeoutSeconds=1&resourceVersion=0"];
const TIMEOUT_MS = 5_000;
const MAX_VERSION_BYTES = 64 * 1024;

/** What an API server answers to these credentials. */
export interface ApiProbe {
  readonly reachable: boolean;
  /** Where it is and its version, or why there is no answer. */
  readonly detail: string;
  /** Resources that Weir watches and may not list or may not watch. */
  readonly forbidden: readonly string[];
}

/** Asks an API server for its version, and for a list and a watch of each kind of object that Weir watches. Never throws. */
export async function probeApi(credentials: Credentials): Promise<ApiProbe> {
  const client = new ApiClient(credentials);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const where = `${credentials.server.origin} (${credentials.source})`;
  try {
    const version = await client.get("/version", "application/json", signal);
    const text = (await firstBytes(version, MAX_VERSION_BYTES)).toString();
    const { gitVersion } = JSON.parse(text) as { gitVersion?: unknown };
    const forbidden: string[] = [];
    for (const { name, path } of WATCHED_RESOURCES) {
      let isForbidden = false;
      for (const query of QUERIES) {
        const response = await client.get(`${path}?${query}`, "application/json", signal);
        response.discard();
        isForbidden ||= response.status === 401 || response.status === 403;
      }
      if (isForbidden) forbidden.push(name);
    }
    return { reachable: true, detail: `${where}, version ${String(gitVersion ?? "unknown")}`, forbidden };
  } catch (error) {
    return { reachable: false, detail: `${where}: ${(error as Error).message}`, forbidden: [] };
  } finally {
    client.close();
  }
}
