import type { ObjectSink } from "./objects.ts";
import type { Resource } from "./resource.ts";

/** Objects of one kind that are kept. Kubernetes is made for clusters of up to 150 000 pods. */
const MAX_OBJECTS = 300_000;

export interface DeliveryOptions {
  readonly onSinkError: (error: unknown) => void;
  /** An object was left out, because so many are kept. */
  readonly onFull: (objects: number) => void;
  readonly maxObjects?: number;
}

/**
 * Hands one resource's objects to the sink and remembers which it has (uid and resource version, nothing else), so that
 * a relist becomes what changed: upserts of new and newer objects, then deletes of those that are gone.
 */
export class Delivery<Slim extends { readonly uid: string }> {
  readonly #resource: Resource<Slim>;
  readonly #sink: ObjectSink;
  readonly #onSinkError: (error: unknown) => void;
  readonly #onFull: (objects: number) => void;
  readonly #maxObjects: number;
  /** Resource version by uid, of what the sink has. */
  readonly #known = new Map<string, string>();
  /** Uids that the list under way has shown; undefined while there is none. */
  #listed: Set<string> | undefined;

  constructor(resource: Resource<Slim>, sink: ObjectSink, options: DeliveryOptions) {
    this.#resource = resource;
    this.#sink = sink;
    this.#onSinkError = options.onSinkError;
    this.#onFull = options.onFull;
    this.#maxObjects = options.maxObjects ?? MAX_OBJECTS;
  }

  /** How many objects the sink has. */
  get objects(): number {
    return this.#known.size;
  }

  /** A list begins; one that was under way is forgotten. */
  beginList(): void {
    this.#listed = new Set();
    this.#call(() => this.#sink.newsMayBeOld?.(this.#resource.name));
  }

  upsert(object: Slim, resourceVersion: string): void {
    const known = this.#known.get(object.uid);
    if (known === undefined && this.#known.size >= this.#maxObjects) {
      this.#onFull(this.#maxObjects);
      return;
    }
    this.#listed?.add(object.uid);
    if (known === resourceVersion) return;
    this.#known.set(object.uid, resourceVersion);
    this.#call(() => this.#resource.upsert(this.#sink, object));
  }

  delete(uid: string): void {
    this.#listed?.delete(uid);
    if (this.#known.delete(uid)) this.#call(() => this.#resource.delete(this.#sink, uid));
  }

  /** The list is complete: what it did not show is gone. */
  endList(): void {
    const listed = this.#listed;
    this.#listed = undefined;
    if (listed === undefined) return;
    for (const uid of this.#known.keys()) if (!listed.has(uid)) this.delete(uid);
    this.#call(() => this.#sink.newsAreFresh?.(this.#resource.name));
  }

  // A consumer's fault with one object must not cost the others theirs.
  #call(deliver: () => void): void {
    try {
      deliver();
    } catch (error) {
      this.#onSinkError(error);
    }
  }
}
