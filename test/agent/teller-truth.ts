import type { TellerResults } from "../lab/teller.ts";
import type { Sample } from "../rig/exposition.ts";

/** How what agents say compares with what programs did. */
export interface Comparison {
  /** Established connections that the programs know of, and that the agents have. */
  readonly made: number;
  readonly counted: number;
  /** Connections on edges between two workloads of which the programs know nothing. */
  readonly wrong: Readonly<Record<string, number>>;
  /** Connections with an end that the agents do not name. */
  readonly unknown: number;
  /** Edges that have all of their connections, and not exactly the bytes that were sent on them. */
  readonly wrongBytes: readonly string[];
  /** Connections that were refused, and that the agents have as failed. */
  readonly refused: number;
  readonly failed: number;
}

const OPENED = "weir_connections_opened_total";
const CLOSED = "weir_connections_closed_total";
const FAILED = "weir_connections_failed_total";
const IO = "weir_flow_io_bytes_total";

/** Who called whom how often, by the programs' own account, as `CLIENT>SERVER`. */
export class TellerTruth {
  readonly #answers = new Map<string, number>();
  /** Established, but by the time that the program would have answered it was gone. */
  readonly #unanswered = new Map<string, number>();
  #refused = 0;

  /** `whoEnded` tells who it was at an address whose program ended around a moment. */
  add(name: string, { answers, lost }: TellerResults, whoEnded: (address: string, unixMs: number) => string): void {
    for (const [who, count] of Object.entries(answers)) add(this.#answers, `${name}>${who}`, count);
    for (const [address, why, unixMs] of lost) {
      if (why === "refused") this.#refused++;
      else if (why === "unanswered") add(this.#unanswered, `${name}>${whoEnded(address, unixMs)}`, 1);
      else throw new Error(`Cannot go on: ${name} could not reach ${address}: ${why}`);
    }
  }

  /** Established connections, answered or not. */
  get made(): number {
    return sum(this.#answers) + sum(this.#unanswered);
  }

  /** Compares with the edges between workloads of a namespace at a server port. */
  compare(samples: readonly Sample[], namespace: string, port: number): Comparison {
    const own = samples.filter(({ labels }) => labels["server_port"] === String(port));
    const closed = byEdge(own, CLOSED, namespace);
    const opened = byEdge(own, OPENED, namespace);
    const bytes = byEdge(own, IO, namespace);
    const wrong: Record<string, number> = {};
    const wrongBytes: string[] = [];
    let unknown = 0;
    for (const [edge, count] of closed) {
      const [client = "", server = ""] = edge.split(">");
      const [answered, unanswered] = [this.#answers.get(edge) ?? 0, this.#unanswered.get(edge) ?? 0];
      const surplus = Math.max(count, opened.get(edge) ?? 0) - answered - unanswered;
      if (client === "" || server === "") unknown += count;
      else if (surplus > 0) wrong[edge] = surplus;
      else if (count === answered && (bytes.get(edge) ?? 0) !== count * server.length) wrongBytes.push(edge);
    }
    const failed = sum(byEdge(own, FAILED, namespace)) - sum(this.#unanswered);
    return { made: this.made, counted: sum(closed), wrong, unknown, wrongBytes, refused: this.#refused, failed };
  }
}

/** A family by `CLIENT>SERVER`, with nothing in the place of who is not of the namespace. */
function byEdge(samples: readonly Sample[], family: string, namespace: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const { name, labels, value } of samples) {
    const who = (side: string) => (labels[`${side}_namespace`] === namespace ? labels[`${side}_workload`] : "");
    if (name === family) add(values, `${who("client")}>${who("server")}`, value);
  }
  return values;
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
