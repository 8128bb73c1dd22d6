import { ApiClient } from "./api-client.ts";
import type { Credentials } from "./credentials.ts";
import { endpointSlices } from "./endpoint-slices.ts";
import { nodes } from "./nodes.ts";
import { pods } from "./pods.ts";
import { services } from "./services.ts";

const RESOURCES = [pods, services, nodes, endpointSlices];
const TIMEOUT_MS = 5_000;
const MAX_VERSION_BYTES = 64 * 1024;

/** What an API server answers to these credentials. */
export interface ApiProbe {
  readonly reachable: boolean;
  /** Where it is and its version, or why there is no answer. */
  readonly detail: string;
  /** Resources that Weir watches and may not list. */
  readonly forbidden: readonly string[];
}

/** Asks an API server for its version and for one object of each kind that Weir watches. Never throws. */
export async function probeApi(credentials: Credentials): Promise<ApiProbe> {
  const client = new ApiClient(credentials);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const where = `${credentials.server.origin} (${credentials.source})`;
  try {
    const version = await client.get("/version", "application/json", signal);
    const { gitVersion } = JSON.parse(await text(version)) as { gitVersion?: unknown };
    const forbidden: string[] = [];
    for (const { name, path } of RESOURCES) {
      const response = await client.get(`${path}?limit=1`, "application/json", signal);
      response.resume();
      if (response.statusCode === 401 || response.statusCode === 403) forbidden.push(name);
    }
    return { reachable: true, detail: `${where}, version ${String(gitVersion ?? "unknown")}`, forbidden };
  } catch (error) {
    return { reachable: false, detail: `${where}: ${(error as Error).message}`, forbidden: [] };
  } finally {
    client.close();
  }
}

async function text(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_VERSION_BYTES) throw new Error(`Cannot read the version: more than ${MAX_VERSION_BYTES} bytes`);
  }
  return Buffer.concat(chunks).toString("utf8");
}
