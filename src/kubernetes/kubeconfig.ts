import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Credentials, readSecret, type SecretSource } from "./credentials.ts";

/** A kubeconfig that cannot be used; the text names the file, the place in it, and what is needed. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
}

type Mapping = Readonly<Record<string, unknown>>;

/** Ways to log in that Weir does not have, by their key under `user`. */
const UNSUPPORTED_LOGINS = ["exec", "auth-provider", "username", "password", "as"];

/**
 * Credentials from a kubeconfig: `context`, or its `current-context`. Files named in it are relative to it, and are
 * re-read before every request. Throws KubeconfigError.
 */
export async function kubeconfigCredentials(file: string, context?: string): Promise<Credentials> {
  const config = await parse(file);
  const fail = (text: string): never => {
    throw new KubeconfigError(`Cannot use kubeconfig ${file}: ${text}`);
  };

  const contextName = context ?? text(config, "current-context") ?? fail("current-context must be set");
  const chosen = entry(config, "contexts", contextName, "context") ?? fail(`it has no context ${quote(contextName)}`);
  const clusterName = text(chosen, "cluster") ?? fail(`context ${quote(contextName)} names no cluster`);
  const cluster = entry(config, "clusters", clusterName, "cluster") ?? fail(`it has no cluster ${quote(clusterName)}`);
  const userName = text(chosen, "user");
  const user =
    userName === undefined
      ? {}
      : (entry(config, "users", userName, "user") ?? fail(`it has no user ${quote(userName)}`));

  for (const login of UNSUPPORTED_LOGINS) {
    if (user[login] === undefined) continue;
    fail(
      `user ${quote(userName ?? "")} logs in by ${login}, which Weir cannot; use a token, tokenFile or client certificate`,
    );
  }
  const serverText = text(cluster, "server") ?? fail(`cluster ${quote(clusterName)} has no server`);
  const server = URL.parse(serverText) ?? fail(`server must be a URL, is ${quote(serverText)}`);
  if (server.protocol !== "https:" && server.protocol !== "http:")
    fail(`server must be https or http, is ${quote(serverText)}`);
  if (text(cluster, "proxy-url") !== undefined)
    fail(`cluster ${quote(clusterName)} has a proxy-url, which Weir cannot use`);

  const secret = (from: Mapping, key: string): SecretSource => {
    const data = text(from, `${key}-data`);
    if (data !== undefined) return { value: Buffer.from(data, "base64").toString("utf8") };
    const path = text(from, key);
    return path === undefined ? undefined : { file: resolve(dirname(file), path) };
  };
  const ca = secret(cluster, "certificate-authority");
  const cert = secret(user, "client-certificate");
  const key = secret(user, "client-key");
  if ((cert === undefined) !== (key === undefined))
    fail(`user ${quote(userName ?? "")} needs a client-certificate and a client-key`);
  const tokenFile = text(user, "tokenFile");
  const given = text(user, "token");
  // As in kubectl, the file wins: it is what rotates.
  const token: SecretSource =
    tokenFile !== undefined
      ? { file: resolve(dirname(file), tokenFile) }
      : given !== undefined
        ? { value: given }
        : undefined;

  return {
    source: `kubeconfig ${file}, context ${contextName}`,
    server,
    serverName: text(cluster, "tls-server-name"),
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"] === true,
    read: async () => ({
      ca: await readSecret(ca),
      cert: await readSecret(cert),
      key: await readSecret(key),
      token: (await readSecret(token))?.trim(),
    }),
  };
}

async function parse(file: string): Promise<Mapping> {
  // Loaded here because a pod, which has a service account, never needs it.
  const yaml = await import("yaml");
  let config: unknown;
  try {
    config = yaml.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new KubeconfigError(`Cannot read kubeconfig ${file}: ${(cause as Error).message}`, { cause });
  }
  if (!isMapping(config)) throw new KubeconfigError(`Cannot use kubeconfig ${file}: it must be a mapping`);
  return config;
}

/** The mapping under `key` of the entry called `name` in the list `list`. */
function entry(config: Mapping, list: string, name: string, key: string): Mapping | undefined {
  const entries = config[list];
  if (!Array.isArray(entries)) return undefined;
  for (const one of entries) {
    if (!isMapping(one) || one["name"] !== name) continue;
    const value = one[key];
    return isMapping(value) ? value : {};
  }
  return undefined;
}

/** A text that is there and not empty. */
function text(from: Mapping, key: string): string | undefined {
  const value = from[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function quote(value: string): string {
  return JSON.stringify(value);
}
