/**
 * What the parts of the agent can tell about themselves. Each function is called before each read of the metrics, so
 * it must be quick; what is left out is not exported. Totals are since the start of whatever counts them.
 */
export interface AgentReadings {
  readonly features?: () => Iterable<FeatureReading>;
  readonly lostRecords?: () => Iterable<LostReading>;
  readonly maps?: () => Iterable<MapReading>;
  readonly programs?: () => Iterable<ProgramReading>;
  /** Connections of other nodes on this kernel that were passed over. */
  readonly otherNodes?: () => number;
  /** News of cgroups that found no room on their way from the kernel. */
  readonly lostCgroupNews?: () => number;
  readonly series?: () => Iterable<SeriesReading>;
  readonly unresolved?: () => Iterable<UnresolvedReading>;
  readonly backendLookups?: () => Iterable<BackendLookupReading>;
  readonly watches?: () => Iterable<WatchReading>;
  readonly peers?: () => PeersReading;
  readonly exports?: () => Iterable<ExportReading>;
  readonly scrapes?: () => ScrapeReading;
}

export interface FeatureReading {
  readonly feature: string;
  readonly enabled: boolean;
}

export interface LostReading {
  /** Where: such as `kernel`, `flows`, `identity`. */
  readonly stage: string;
  readonly reason: string;
  readonly records: number;
}

export interface MapReading {
  readonly map: string;
  readonly entries: number;
  readonly capacity: number;
}

export interface ProgramReading {
  readonly program: string;
  readonly runTimeSeconds: number;
  readonly runs: number;
  readonly skippedRuns: number;
}

export interface SeriesReading {
  /** OTLP name of the family. */
  readonly family: string;
  readonly live: number;
  /** Updates that went to the overflow series. */
  readonly overflowed: number;
}

export interface UnresolvedReading {
  /** `local` (a socket of this host) or `remote` (an address). */
  readonly side: string;
  readonly lookups: number;
}

export interface BackendLookupReading {
  /** `found`, `unlisted` (found, but in no EndpointSlice), `absent`, `refused`, `failed`. */
  readonly outcome: string;
  readonly lookups: number;
}

export interface WatchReading {
  /** Such as `pods`. */
  readonly resource: string;
  readonly synced: boolean;
  /** What it does now; one of `states`. */
  readonly state: string;
  readonly states: readonly string[];
  /** Since the API server last sent anything about it, or since the agent's start. */
  readonly ageSeconds: number;
  readonly objects: number;
  readonly lists: number;
  readonly requests: number;
  readonly receivedBytes: number;
  readonly events: number;
  /** By kind. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface PeersReading {
  /** Agents of other nodes, and this one. */
  readonly agents: number;
  /** Connections to servers here that another agent counts. */
  readonly connectionsLeft: number;
  /** Questions to other agents, by what they are about (`origin`, `backend`) and what became of them. */
  readonly questions: Readonly<
    Record<
      string,
      {
        readonly found: number;
        readonly absent: number;
        readonly failed: number;
        readonly refused: number;
        readonly repeated: number;
      }
    >
  >;
}

export interface ExportReading {
  readonly signal: "metrics" | "traces";
  readonly batchesSent: number;
  readonly batchesFailed: number;
  readonly itemsSent: number;
  readonly itemsFailed: number;
  readonly itemsDropped: number;
}

export interface ScrapeReading {
  readonly served: number;
  readonly aborted: number;
  readonly rejected: number;
  readonly failed: number;
}
