import type { MetricFamily } from "../metrics/family.ts";
import type { TableRow } from "./table-source.ts";

/** What one edge's families say together. Totals are since the edge began. */
interface Totals {
  readonly labels: ReadonlyMap<string, string>;
  opened: number;
  active: number;
  failed: number;
  requestBytes: number;
  responseBytes: number;
  /** Observations of connect latency per bucket, not cumulative. */
  connects: number[];
  bounds: readonly number[];
}

const FAMILIES: Readonly<Record<string, (totals: Totals, family: MetricFamily, slot: number, label: Labels) => void>> =
  {
    "weir.flow.io": (totals, family, slot, label) => {
      if (label("direction") === "request") totals.requestBytes += family.value(slot);
      else totals.responseBytes += family.value(slot);
    },
    "weir.connections.opened": (totals, family, slot) => {
      totals.opened += family.value(slot);
    },
    "weir.connections.active": (totals, family, slot) => {
      totals.active += family.value(slot);
    },
    "weir.connections.failed": (totals, family, slot) => {
      totals.failed += family.value(slot);
    },
    "weir.connect.duration": (totals, family, slot) => {
      totals.bounds = family.bounds;
      for (let index = 0; index <= family.bounds.length; index++) {
        totals.connects[index] = (totals.connects[index] ?? 0) + family.bucket(slot, index);
      }
    },
  };

type Labels = (name: string) => string;

/** Labels that tell an edge from another; any else (direction, reason, observer) is summed over. */
const EDGE_LABELS = [
  "client_namespace",
  "client_workload",
  "client_kind",
  "server_namespace",
  "server_workload",
  "server_kind",
  "server_service",
  "server_port",
  "transport",
];

interface Snapshot {
  readonly unixMs: number;
  readonly edges: ReadonlyMap<string, Totals>;
}

/** Makes rows of the live table from the metric families of edges: rates are between two calls of `rows()`. */
export class EdgeRows {
  readonly #families: () => Iterable<MetricFamily>;
  readonly #nowUnixMs: () => number;
  #previous: Snapshot;

  /** Rates of the first call are since now, `nowUnixMs()` being the time of construction. */
  constructor(families: () => Iterable<MetricFamily>, nowUnixMs: () => number) {
    this.#families = families;
    this.#nowUnixMs = nowUnixMs;
    this.#previous = { unixMs: nowUnixMs(), edges: this.#read() };
  }

  rows(): TableRow[] {
    const current = { unixMs: this.#nowUnixMs(), edges: this.#read() };
    const seconds = Math.max(0.001, (current.unixMs - this.#previous.unixMs) / 1000);
    const rows = [...current.edges].map(([key, totals]) => {
      const before = this.#previous.edges.get(key);
      // A total that fell is of an edge that expired and began again.
      const rate = (now: number, then = 0) => (now >= then ? now - then : now) / seconds;
      return {
        ...namesOf(totals.labels),
        connectionsPerSecond: rate(totals.opened, before?.opened),
        active: totals.active,
        failed: totals.failed,
        requestBytesPerSecond: rate(totals.requestBytes, before?.requestBytes),
        responseBytesPerSecond: rate(totals.responseBytes, before?.responseBytes),
        connectP50Seconds: median(totals.connects, totals.bounds),
      };
    });
    this.#previous = current;
    return rows;
  }

  #read(): Map<string, Totals> {
    const edges = new Map<string, Totals>();
    for (const family of this.#families()) {
      const add = FAMILIES[family.name];
      if (add === undefined) continue;
      const names = family.attributeKeys.map(({ label }) => label);
      for (let slot = 0; slot < family.slots; slot++) {
        if (family.generation(slot) === 0) continue;
        const values = family.attributes(slot);
        const label = (name: string) => values[names.indexOf(name)] ?? "";
        add(totalsOf(edges, label), family, slot, label);
      }
    }
    return edges;
  }
}

function totalsOf(edges: Map<string, Totals>, label: Labels): Totals {
  const values = EDGE_LABELS.map(label);
  const key = JSON.stringify(values);
  let totals = edges.get(key);
  if (totals === undefined) {
    const labels = new Map(EDGE_LABELS.map((name, index) => [name, values[index] ?? ""]));
    const none = { opened: 0, active: 0, failed: 0, requestBytes: 0, responseBytes: 0 };
    totals = { labels, ...none, connects: [], bounds: [] };
    edges.set(key, totals);
  }
  return totals;
}

function namesOf(labels: ReadonlyMap<string, string>): Pick<TableRow, "client" | "server" | "service" | "port"> {
  const label = (name: string) => labels.get(name) ?? "";
  const endpoint = (side: string) => ({
    kind: label(`${side}_kind`),
    namespace: label(`${side}_namespace`),
    workload: label(`${side}_workload`),
  });
  return {
    client: endpoint("client"),
    server: endpoint("server"),
    service: label("server_service"),
    port: label("server_port"),
  };
}

/** The median within its bucket, as if observations lay evenly in it; undefined where there are none. */
function median(buckets: readonly number[], bounds: readonly number[]): number | undefined {
  const half = buckets.reduce((sum, count) => sum + count, 0) / 2;
  if (half === 0) return undefined;
  let below = 0;
  for (const [index, count] of buckets.entries()) {
    if (count > 0 && below + count >= half) {
      const lower = index === 0 ? 0 : (bounds[index - 1] ?? 0);
      // Beyond the last bound nothing better is known.
      const upper = bounds[index] ?? lower;
      return lower + ((half - below) / count) * (upper - lower);
    }
    below += count;
  }
  return undefined;
}
