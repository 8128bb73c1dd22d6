import { Agent, request } from "node:https";

/** Any object of the API, as JSON. `metadata.namespace` defaults to `default` for kinds that live in namespaces. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly [field: string]: unknown;
}

/** Which object; a whole object serves too. */
export type ObjectReference = Pick<KubernetesObject, "apiVersion" | "kind"> & {
  readonly metadata: Pick<ObjectMetadata, "name" | "namespace">;
};

export interface Connection {
  /** `https://ADDRESS:PORT`. */
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  /** Client certificate and key, PEM. */
  readonly certificate?: string;
  readonly key?: string;
  /** Bearer token, instead of a certificate. */
  readonly token?: string;
}

/** The API server's answer was not 2xx. `reason` is its machine-readable word, such as `NotFound`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly reason: string;

  constructor(operation: string, status: number, body: string) {
    const parsed = statusObject(body);
    super(`Cannot ${operation}: ${status} ${parsed?.message ?? body.slice(0, 500)}`);
    this.status = status;
    this.reason = parsed?.reason ?? "";
  }
}

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** How many objects of one `apply()` are under way together. */
const WRITERS = 8;

/** A small client for tests: whole objects as JSON, resource names from the server's own discovery. */
export class KubernetesClient {
  readonly #connection: Connection;
  readonly #agent: Agent;
  readonly #resources = new Map<string, Promise<readonly ApiResource[]>>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: WRITERS,
      ca: connection.ca,
      ...(connection.certificate === undefined ? {} : { cert: connection.certificate }),
      ...(connection.key === undefined ? {} : { key: connection.key }),
    });
  }

  /**
   * Creates what is missing and updates what is there (server-side apply, forced), the `status` part included. Namespaces go first,
   * the others eight at a time. Gives the objects as stored, in the order of the arguments.
   */
  async apply(objects: readonly KubernetesObject[]): Promise<KubernetesObject[]> {
    const results: KubernetesObject[] = [];
    const one = async (object: KubernetesObject, index: number) => {
      results[index] = await this.#applyOne(object);
    };
    const isNamespace = (object: KubernetesObject) => object.kind === "Namespace";
    for (const [index, object] of objects.entries()) if (isNamespace(object)) await one(object, index);
    // Shared by the workers: one that throws closes it, and the others end after what they have in hand.
    const others = objects.entries().filter(([, object]) => !isNamespace(object));
    const worker = async () => {
      for (const [index, object] of others) await one(object, index);
    };
    await Promise.all(Array.from({ length: WRITERS }, worker));
    return results;
  }

  /** Fails with `AlreadyExists` when it does. `status` is ignored by the server: use `patchStatus()`. */
  async create(object: KubernetesObject): Promise<KubernetesObject> {
    return (await this.request("POST", await this.#collection(object), object)) as KubernetesObject;
  }

  async get(reference: ObjectReference): Promise<KubernetesObject> {
    return (await this.request("GET", await this.#path(reference))) as KubernetesObject;
  }

  /** All objects of a kind, in one namespace or in all of them. The items carry no `apiVersion` and `kind`: that is how the server lists. */
  async list(
    apiVersion: string,
    kind: string,
    namespace?: string,
  ): Promise<Omit<KubernetesObject, "apiVersion" | "kind">[]> {
    const { name, namespaced } = await this.#resource(apiVersion, kind);
    const scope = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
    const answer = await this.request("GET", `${group(apiVersion)}${scope}/${name}`);
    return (answer as { items: KubernetesObject[] }).items;
  }

  /** JSON merge patch of the object itself: `null` removes a field. */
  async patch(reference: ObjectReference, patch: object): Promise<KubernetesObject> {
    const type = "application/merge-patch+json";
    return (await this.request("PATCH", await this.#path(reference), patch, type)) as KubernetesObject;
  }

  /** JSON merge patch of `status`: `null` removes a field. */
  async patchStatus(reference: ObjectReference, status: object): Promise<KubernetesObject> {
    const type = "application/merge-patch+json";
    return (await this.request("PATCH", `${await this.#path(reference)}/status`, { status }, type)) as KubernetesObject;
  }

  /**
   * Gone when it returns, by default: nobody here would end a grace period, so it is 0. With one, a pod stays with a
   * `deletionTimestamp` until it is deleted again with 0, as the kubelet does.
   */
  async delete(reference: ObjectReference, { gracePeriodSeconds = 0 } = {}): Promise<void> {
    const options = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds, propagationPolicy: "Background" };
    await this.request("DELETE", await this.#path(reference), options);
    if (reference.kind === "Namespace") await this.#finalizeNamespace(reference);
  }

  /** One request with a JSON body and answer. Throws `ApiError`; connection errors are thrown as they are. */
  async request(method: string, path: string, body?: object, type = "application/json"): Promise<unknown> {
    const { status, text } = await this.send(method, path, body === undefined ? undefined : JSON.stringify(body), type);
    if (status < 200 || status > 299) throw new ApiError(`${method} ${path}`, status, text);
    return text.startsWith("{") ? JSON.parse(text) : text;
  }

  /** One request, whatever the answer. Text that is not JSON (such as `/readyz`) comes this way. */
  send(
    method: string,
    path: string,
    body?: string,
    type = "application/json",
  ): Promise<{ status: number; text: string }> {
    const { token, url } = this.#connection;
    const headers: Record<string, string> = { accept: "application/json" };
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    if (body !== undefined)
      Object.assign(headers, { "content-type": type, "content-length": String(Buffer.byteLength(body)) });
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(path, url),
        { method, headers, agent: this.#agent, timeout: 30_000 },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
          incoming.on("error", reject);
          incoming.on("end", () => {
            resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
          });
        },
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error(`Cannot ${method} ${path}: no answer within 30 s`)));
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }

  /** Closes idle and busy connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #applyOne(object: KubernetesObject): Promise<KubernetesObject> {
    const { status, ...desired } = object;
    const path = await this.#path(object);
    const query = "?fieldManager=weir-test&force=true";
    const type = "application/apply-patch+yaml";
    const stored = await this.request("PATCH", path + query, desired, type);
    if (status === undefined) return stored as KubernetesObject;
    const { apiVersion, kind, metadata } = object;
    const { name, namespace } = metadata;
    const identity = { apiVersion, kind, metadata: namespace === undefined ? { name } : { name, namespace } };
    return (await this.request("PATCH", `${path}/status${query}`, { ...identity, status }, type)) as KubernetesObject;
  }

  /** The namespace controller's last step; it empties the namespace first, here that is the caller's business. */
  async #finalizeNamespace(reference: ObjectReference): Promise<void> {
    const path = await this.#path(reference);
    const { status, text } = await this.send("GET", path);
    if (status === 404) return;
    const namespace = JSON.parse(text) as KubernetesObject & { spec: object };
    await this.request("PUT", `${path}/finalize`, { ...namespace, spec: { ...namespace.spec, finalizers: [] } });
  }

  async #path(reference: ObjectReference): Promise<string> {
    return `${await this.#collection(reference)}/${encodeURIComponent(reference.metadata.name)}`;
  }

  async #collection({ apiVersion, kind, metadata }: ObjectReference): Promise<string> {
    const { name, namespaced } = await this.#resource(apiVersion, kind);
    return `${group(apiVersion)}${namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : ""}/${name}`;
  }

  async #resource(apiVersion: string, kind: string): Promise<ApiResource> {
    const known = this.#resources.get(apiVersion) ?? this.#discover(apiVersion);
    const found = (await known).find((resource) => resource.kind === kind && !resource.name.includes("/"));
    if (!found) throw new Error(`Cannot find kind "${kind}" in ${apiVersion}: the API server does not serve it`);
    return found;
  }

  #discover(apiVersion: string): Promise<readonly ApiResource[]> {
    const answer = this.request("GET", group(apiVersion)).then(
      (list) => (list as { resources: ApiResource[] }).resources,
    );
    this.#resources.set(apiVersion, answer);
    // A server that was down is asked again next time.
    answer.catch(() => this.#resources.delete(apiVersion));
    return answer;
  }
}

function group(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function statusObject(body: string): { readonly message?: string; readonly reason?: string } | undefined {
  try {
    return JSON.parse(body) as { message?: string; reason?: string };
  } catch {
    return undefined;
  }
}
