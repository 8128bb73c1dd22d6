import type { Endpoint, RemoteAnswer, ServiceRef } from "./endpoint.ts";

const NONE: readonly string[] = [];

/** The answers that name an endpoint. */
export interface EndpointAnswers {
  /** It may be on this host. */
  readonly here: RemoteAnswer;
  /** It is somewhere else, without an agent. */
  readonly away: RemoteAnswer;
  /** It is on a node with another agent. */
  readonly peer: RemoteAnswer;
  /** It is a node with another agent. */
  readonly peerNode: RemoteAnswer;
  /** Likewise `here` and `peer`, for a pod that is being deleted: its address may be another's already. */
  readonly endingHere: RemoteAnswer;
  readonly endingPeer: RemoteAnswer;
}

/** News of the next pod with an address of one that is being deleted take no longer than this. */
const ENDING_MS = 3_000;

/**
 * Keeps equal endpoints, Services and answers one object for as long as anybody holds them, and no longer:
 * Jobs come and go for ever, each with a name of its own.
 */
export class Interner {
  readonly #endpoints = new WeakValues<Endpoint>();
  readonly #services = new WeakValues<ServiceRef>();
  readonly #endpointAnswers = new WeakMap<Endpoint, EndpointAnswers>();
  readonly #serviceAnswers = new WeakMap<ServiceRef, RemoteAnswer>();

  get size(): number {
    return this.#endpoints.size + this.#services.size;
  }

  /** `chosen`: values of the labels that endpoints have besides, for who has any. */
  endpoint(kind: string, namespace: string, workload: string, chosen: readonly string[] = NONE): Endpoint {
    // No part can hold NUL: Kubernetes names are DNS labels, and the kernel's names end at NUL.
    const key = `${kind}\0${namespace}\0${workload}`;
    if (chosen.length === 0) return this.#endpoints.get(key, () => ({ kind, namespace, workload }));
    return this.#endpoints.get(`${key}\0${chosen.join("\0")}`, () => ({ kind, namespace, workload, chosen }));
  }

  service(namespace: string, name: string): ServiceRef {
    return this.#services.get(`${namespace}\0${name}`, () => ({ namespace, name }));
  }

  answers(endpoint: Endpoint): EndpointAnswers {
    let answers = this.#endpointAnswers.get(endpoint);
    if (answers === undefined) {
      answers = {
        here: { endpoint, service: undefined, maybeHere: true, counted: "here" },
        away: { endpoint, service: undefined, maybeHere: false, counted: "here" },
        peer: { endpoint, service: undefined, maybeHere: false, counted: "there" },
        peerNode: { endpoint, service: undefined, maybeHere: false, counted: "there unless forwarded" },
        endingHere: { endpoint, service: undefined, maybeHere: true, counted: "here", unsettledMs: ENDING_MS },
        endingPeer: { endpoint, service: undefined, maybeHere: true, counted: "there", unsettledMs: ENDING_MS },
      };
      this.#endpointAnswers.set(endpoint, answers);
    }
    return answers;
  }

  /** The backend of a Service may be anywhere, so it may be here. */
  serviceAnswer(service: ServiceRef): RemoteAnswer {
    let answer = this.#serviceAnswers.get(service);
    if (answer === undefined) {
      answer = { endpoint: undefined, service, maybeHere: true, counted: "here" };
      this.#serviceAnswers.set(service, answer);
    }
    return answer;
  }
}

/** A map that lets go of the values which nobody else holds. */
class WeakValues<V extends object> {
  readonly #values = new Map<string, WeakRef<V>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    // A new value may have taken the key since.
    if (this.#values.get(key)?.deref() === undefined) this.#values.delete(key);
  });

  get size(): number {
    return this.#values.size;
  }

  get(key: string, make: () => V): V {
    const known = this.#values.get(key)?.deref();
    if (known !== undefined) return known;
    const value = make();
    this.#values.set(key, new WeakRef(value));
    this.#collected.register(value, key);
    return value;
  }
}
