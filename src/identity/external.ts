import { CidrTable } from "./cidr-table.ts";
import type { AddressWords, Endpoint, RemoteAnswer } from "./endpoint.ts";
import { type EndpointLabels, NO_LABELS } from "./endpoint-labels.ts";
import { formatAddress } from "./format-address.ts";
import type { Interner } from "./interner.ts";

/** A network that the configuration gives a name. */
export interface NamedNetwork {
  readonly cidr: string;
  readonly name: string;
}

/** Classes of addresses that nobody in the cluster owns; everything else is `public`. */
const CLASSES: readonly NamedNetwork[] = [
  { cidr: "0.0.0.0/8", name: "reserved" },
  { cidr: "10.0.0.0/8", name: "private" },
  { cidr: "100.64.0.0/10", name: "private" },
  { cidr: "127.0.0.0/8", name: "loopback" },
  { cidr: "169.254.0.0/16", name: "link-local" },
  { cidr: "100.100.100.200", name: "metadata" }, // Alibaba Cloud
  { cidr: "168.63.129.16", name: "metadata" }, // Azure's platform, with a public address
  { cidr: "169.254.169.254", name: "metadata" }, // nearly everywhere
  { cidr: "169.254.170.2", name: "metadata" }, // AWS, credentials of tasks
  { cidr: "169.254.170.23", name: "metadata" }, // AWS, credentials of pods
  { cidr: "172.16.0.0/12", name: "private" },
  { cidr: "192.168.0.0/16", name: "private" },
  { cidr: "224.0.0.0/4", name: "multicast" },
  { cidr: "240.0.0.0/4", name: "reserved" },
  { cidr: "::", name: "reserved" },
  { cidr: "::1", name: "loopback" },
  { cidr: "fc00::/7", name: "private" },
  { cidr: "fd00:ec2::23", name: "metadata" }, // AWS, credentials of pods
  { cidr: "fd00:ec2::254", name: "metadata" }, // AWS
  { cidr: "fd20:ce::254", name: "metadata" }, // Google Cloud
  { cidr: "fe80::/10", name: "link-local" },
  { cidr: "ff00::/8", name: "multicast" },
];

/** Where address translation to this host's own sockets is common: container engines' ports, IPVS, load balancers. */
const TRANSLATED = "private";

/** Names addresses outside: by the configured networks, else by class, so that there are few names whoever calls. */
export class ExternalNames {
  readonly #interner: Interner;
  readonly #labels: EndpointLabels;
  readonly #named = new CidrTable<Endpoint>();
  readonly #classes = new CidrTable<Endpoint>();
  readonly #public: Endpoint;
  readonly #translated: Endpoint;

  /** Throws a `RangeError` that names the CIDR it cannot read. */
  constructor(networks: readonly NamedNetwork[], interner: Interner, labels: EndpointLabels = NO_LABELS) {
    this.#interner = interner;
    this.#labels = labels;
    for (const { cidr, name } of networks) this.#named.set(cidr, this.#endpoint(name));
    for (const { cidr, name } of CLASSES) this.#classes.set(cidr, this.#endpoint(name));
    this.#public = this.#endpoint("public");
    this.#translated = this.#endpoint(TRANSLATED);
  }

  /**
   * Behind a private address may be a socket of this host after all: the answer says so. `known` is what the cluster calls it: that
   * goes before a class, but not before a name that the configuration gives.
   */
  answer(address: AddressWords, known?: Endpoint): RemoteAnswer {
    const byClass = this.#classes.match(address) ?? this.#public;
    const answers = this.#interner.answers(this.#labelled(this.#named.match(address) ?? known ?? byClass, address));
    return byClass === this.#translated ? answers.here : answers.away;
  }

  #labelled(endpoint: Endpoint, address: AddressWords): Endpoint {
    if (!this.#labels.showsAddresses) return endpoint;
    const values = this.#labels.valuesOf({ address: formatAddress(address) });
    return this.#interner.endpoint(endpoint.kind, endpoint.namespace, endpoint.workload, values);
  }

  #endpoint(name: string): Endpoint {
    return this.#interner.endpoint("External", "", name);
  }
}
