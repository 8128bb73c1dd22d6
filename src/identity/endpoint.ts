/**
 * Who is at one end of a connection, at workload level.
 *
 * `kind` is the Kubernetes kind of the workload (`Deployment`, `StatefulSet`, `Pod`, …), or `Node`, `External`,
 * `Unknown`; without a cluster also `Container`, `Unit` (systemd) or `Process`. `namespace` is empty for what has none.
 */
export interface Endpoint {
  readonly kind: string;
  readonly namespace: string;
  readonly workload: string;
  /** Values of the labels that were chosen besides, in their order; absent where none was. */
  readonly chosen?: readonly string[];
}

/** The Service whose address a client used. */
export interface ServiceRef {
  readonly namespace: string;
  readonly name: string;
}

/** An IP address as four big-endian 32-bit words; IPv4 is `[0, 0, 0xffff, a.b.c.d]` (IPv4-mapped). */
export interface AddressWords {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** What the kernel says of the owner of a local socket. */
export interface LocalSocket {
  /** cgroup v2 id (inode number of its directory). */
  readonly cgroupId: bigint;
  /** Inode number of the network namespace. */
  readonly netns: number;
  /** Thread group id in the agent's pid namespace' root, 0 where unknown (a server's accepted socket). */
  readonly pid: number;
  /** Process name as the kernel holds it, decoded, at most 15 bytes; may be anything. */
  readonly comm: string;
  readonly address: AddressWords;
}

/**
 * Who counts the connections that clients at an address open: this agent; the agent of their node; or, where the address is
 * a node's, that node's agent, unless the node only forwards them for somebody else.
 */
export type Counted = "here" | "there" | "there unless forwarded";

/** Who answers at a remote address. */
export interface RemoteAnswer {
  /** The pod, node or external behind the address; undefined where the address is a Service's. */
  readonly endpoint: Endpoint | undefined;
  /** Set where the address and port are those of a Service. */
  readonly service: ServiceRef | undefined;
  /** Whether the socket at the other end may be on this host: worth waiting for its own record. */
  readonly maybeHere: boolean;
  readonly counted: Counted;
  /**
   * For how long after the moment asked about news may be under way that make it another answer; absent where none are. Until
   * then the connection is better not counted, but asked about again.
   */
  readonly unsettledMs?: number;
}

/** The pod and container of a local socket, for spans. One object for as long as nothing of it changes. */
export interface PodDetail {
  readonly uid: string;
  readonly name: string;
  readonly nodeName: string;
  /** Empty where the container is not known. */
  readonly container: string;
  readonly containerId: string;
  /** What the pod says of its service itself; empty what it does not say. */
  readonly serviceName: string;
  readonly serviceNamespace: string;
  readonly serviceInstanceId: string;
}

/** Resolves sockets and addresses to endpoints. Answers are interned: equal endpoints are the same object. */
export interface Identity {
  /**
   * Grows whenever an answer that was given before could now be another: callers drop what they cached. Read it before asking,
   * as asking may itself teach something: an answer belongs to the version before the question.
   */
  readonly version: number;
  /** Who nobody can vouch for. */
  readonly unknown: Endpoint;
  /**
   * Given in place of `unknown` for a local socket whose owner is about to be known: to be asked for again when the version
   * has grown, and never to be counted. No other endpoint is the same object.
   */
  readonly pending: Endpoint;
  local(socket: LocalSocket): Endpoint;
  /** The same pod as `local()` names the workload of. Not for hot paths. */
  podOf?(socket: LocalSocket): PodDetail | undefined;
  /**
   * `port` is 0 where it says nothing about a Service: that of a client whose connection was accepted. `netns` is the asking socket's
   * (loopback means that namespace); `unixMs` the moment asked about.
   */
  remote(address: AddressWords, port: number, netns: number, unixMs: number): RemoteAnswer;
  /**
   * Who was at the address and port to which a connection to a Service's address was translated. Nothing about Services is asked,
   * for a connection is translated once.
   */
  backend(address: AddressWords, port: number, service: ServiceRef | undefined, unixMs: number): RemoteAnswer;
}
