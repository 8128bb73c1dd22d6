/** How much a cluster is asked to do at a time, and how long it may take. */
export interface Pace {
  /** Between sweeps of agents, their exports, and scrapes. */
  readonly intervalMs: number;
  readonly journeysAtOnce: number;
  /** Whether agents are ready before there is anything else. */
  readonly agentsFirst: boolean;
  /** How long nodes and pods may take to be ready. */
  readonly readyMs: number;
  /** Probes of the agents, in place of those of deploy/. */
  readonly probes: object;
}

export const USUAL: Pace = {
  intervalMs: 1_000,
  journeysAtOnce: 4,
  agentsFirst: false,
  readyMs: 30_000,
  probes: {},
};

// An agent that is not ready is not relied upon by the others, and one that seems dead is ended, which is not what is tested.
const PATIENT = { periodSeconds: 10, timeoutSeconds: 30, failureThreshold: 100 };

/** Where the CPU of one node is emulated, which has enough to do with what is tested. */
export const EMULATED: Pace = {
  intervalMs: 5_000,
  journeysAtOnce: 2,
  agentsFirst: true,
  readyMs: 120_000,
  probes: { readinessProbe: PATIENT, livenessProbe: PATIENT },
};
