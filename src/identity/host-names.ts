import type { CgroupPlace } from "./container-path.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Interner } from "./interner.ts";
import { labelName } from "./label-name.ts";

/** Digits of a container id that people and `docker ps` use. */
const SHORT_ID = 12;
/** Different names given out for this host's processes, units and containers. */
const MAX_NAMES = 8192;

/**
 * Names the sockets of a host without a cluster: the container, else the system's service, else the process.
 *
 * Names come from strangers (a process may call itself anything, as often as it likes), so they are made fit for labels, and beyond a
 * bound all new ones share `(other)`.
 */
export class HostNames {
  readonly #interner: Interner;
  readonly #limit: number;
  /** Strong references, so that a name is made fit once. */
  readonly #containers = new Map<string, Endpoint>();
  readonly #units = new Map<string, Endpoint>();
  readonly #processes = new Map<string, Endpoint>();
  #refusals = 0;

  constructor(interner: Interner, limit = MAX_NAMES) {
    this.#interner = interner;
    this.#limit = limit;
  }

  get size(): number {
    return this.#containers.size + this.#units.size + this.#processes.size;
  }

  /** How often `(other)` was given for want of room. */
  get refusals(): number {
    return this.#refusals;
  }

  /** `comm` is the process's name, for what lives in no container or unit. */
  endpoint(place: CgroupPlace | undefined, comm: string): Endpoint {
    if (place?.containerId !== undefined) return this.#named(this.#containers, "Container", place.containerId);
    if (place?.machine !== undefined) return this.#named(this.#containers, "Container", place.machine);
    if (place?.podUid !== undefined) return this.#named(this.#containers, "Pod", place.podUid);
    if (place?.unit !== undefined) return this.#named(this.#units, "Unit", place.unit);
    return this.#named(this.#processes, "Process", comm);
  }

  #named(names: Map<string, Endpoint>, kind: string, name: string): Endpoint {
    const known = names.get(name);
    if (known !== undefined) return known;
    if (names.size >= this.#limit) {
      this.#refusals += 1;
      return this.#interner.endpoint(kind, "", "(other)");
    }
    const short = /^[0-9a-f]{64}$/.test(name) ? name.slice(0, SHORT_ID) : name;
    const endpoint = this.#interner.endpoint(kind, "", labelName(short) || "(unnamed)");
    names.set(name, endpoint);
    return endpoint;
  }
}
