import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { WatchError } from "./watch-error.ts";

/** Where the API server is and how to prove who asks. */
export interface Credentials {
  /** Where this comes from, for people: a directory or a file and its context. */
  readonly source: string;
  /** `https:` or `http:`; a path in it is put before every request's. */
  readonly server: URL;
  /** Name to verify the server's certificate against, where it is not the server's host. */
  readonly serverName: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
  /** Reads what may rotate anew from its files; asked before every request. Throws WatchError (`credentials`). */
  read(): Promise<Secrets>;
}

/** PEM texts and a bearer token, undefined where there is none. */
export interface Secrets {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly token: string | undefined;
}

/** A value that is given, or stands in a file that is read whenever it is needed. */
export type SecretSource = { readonly value: string } | { readonly file: string } | undefined;

/** Where Kubernetes puts a pod's credentials. */
export const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Credentials of the pod that this runs in: `ca.crt` and `token` in `directory`, and the API server's address as
 * Kubernetes puts it into the environment. Throws where the environment has none.
 */
export function inClusterCredentials(
  environment: Readonly<Record<string, string | undefined>>,
  directory = SERVICE_ACCOUNT_DIRECTORY,
): Credentials {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = environment["KUBERNETES_SERVICE_PORT"] ?? "";
  if (host === "" || !/^\d+$/.test(port)) {
    throw new Error(
      "Cannot use the service account: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set, " +
        `are ${JSON.stringify(host)} and ${JSON.stringify(port)}. Outside of a cluster, give a kubeconfig.`,
    );
  }
  const ca = { file: join(directory, "ca.crt") };
  const token = { file: join(directory, "token") };
  return {
    source: `service account in ${directory}`,
    server: new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`),
    serverName: undefined,
    insecureSkipTlsVerify: false,
    read: async () => ({
      ca: await readSecret(ca),
      cert: undefined,
      key: undefined,
      token: (await readSecret(token))?.trim(),
    }),
  };
}

/** Throws WatchError (`credentials`) where the file cannot be read. */
export async function readSecret(source: SecretSource): Promise<string | undefined> {
  if (source === undefined) return undefined;
  if ("value" in source) return source.value;
  try {
    return await readFile(source.file, "utf8");
  } catch (cause) {
    throw new WatchError("credentials", `Cannot read credentials: ${(cause as Error).message}`, { cause });
  }
}
