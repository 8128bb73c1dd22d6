import { connectPeer, PeerServer } from "../lab/peer.ts";
import type { AgentProcess } from "../rig/agent-process.ts";
import { freePort } from "../rig/free-port.ts";
import type { BenchOptions, Reading } from "./bench.ts";
import { startAgent } from "./bench-agent.ts";
import { EmptyProgram } from "./empty-program.ts";
import { here } from "./here.ts";
import { median, range } from "./median.ts";

const CONNECTIONS = 20_000;
const ROUNDS = 9;
const QUICK_ROUNDS = 3;
const STREAM_BYTES = 10e9;
const QUICK_STREAM_BYTES = 2e9;
const BYTES_PER_GB = 1e9;
const NS_PER_US = 1e3;
const MS_PER_S = 1e3;

interface KernelTime {
  readonly seconds: number;
  readonly runs: number;
}

/** Time in BPF programs for a connection that is opened, asked, answered and closed: both of its sockets together. */
export async function shortConnection(options: BenchOptions): Promise<Reading[]> {
  const [alone, own] = await measureShort(options, 1);
  const [crowded] = await measureShort(options, 32);
  return [
    { ...alone, what: "BPF time per short connection, both ends", target: { atMost: 1 } },
    own,
    { ...crowded, what: "the same, 32 at a time on both cores" },
  ];
}

async function measureShort({ quick }: BenchOptions, concurrency: number): Promise<[Reading, Reading]> {
  const place = await here();
  const port = await freePort();
  const server = await PeerServer.start(place, { port, read: 64, respond: 64 });
  const agent = await startAgent(["--bpf-statistics"]);
  const empty = await EmptyProgram.attach();
  try {
    const rounds: { us: number; runs: number; emptyUs: number }[] = [];
    for (let round = -1; round < (quick ? QUICK_ROUNDS : ROUNDS); round++) {
      const before = await kernelTime(agent);
      const emptyBefore = empty.read();
      const made = await connectPeer(place, {
        to: "127.0.0.1",
        port,
        count: CONNECTIONS,
        concurrency,
        send: 64,
        expect: 64,
        source: "127.1.0.1+8",
      });
      if (made.closed !== CONNECTIONS) throw new Error(`Cannot measure: ${made.closed} of ${CONNECTIONS} came to be`);
      const after = await kernelTime(agent);
      const emptyAfter = empty.read();
      if (round < 0) continue; // the maps' memory is new
      const runs = (after.runs - before.runs) / CONNECTIONS;
      const emptyNs = (emptyAfter.runTimeNs - emptyBefore.runTimeNs) / (emptyAfter.runs - emptyBefore.runs);
      rounds.push({
        us: ((after.seconds - before.seconds) * 1e6) / CONNECTIONS,
        runs,
        emptyUs: (emptyNs * runs) / NS_PER_US,
      });
    }
    const us = rounds.map((round) => round.us);
    const runs = median(rounds.map((round) => round.runs));
    const own = median(rounds.map((round) => round.emptyUs));
    return [
      {
        what: "",
        value: median(us),
        unit: "us",
        beside: `rounds ${range(us, 2)}; ${runs.toFixed(2)} runs, other traffic of the host included`,
      },
      {
        what: "of which the kernel's measurement itself",
        value: own,
        unit: "us",
        beside: `an empty program at the same hook; without it ${(median(us) - own).toFixed(2)} us`,
      },
    ];
  } finally {
    empty.close();
    await agent.stop();
    await server.stop();
  }
}

/** Time in BPF programs while one connection carries a lot. */
export async function bulkStream({ quick }: BenchOptions): Promise<Reading[]> {
  const place = await here();
  const port = await freePort();
  const server = await PeerServer.start(place, { port });
  const agent = await startAgent(["--bpf-statistics"]);
  try {
    const before = await kernelTime(agent);
    const bytes = quick ? QUICK_STREAM_BYTES : STREAM_BYTES;
    const made = await connectPeer(place, { to: "127.0.0.1", port, send: bytes, halfClose: true, expect: "eof" });
    const after = await kernelTime(agent);
    const gigabytes = made.bytesSent / BYTES_PER_GB;
    return [
      {
        what: "BPF time per GB of one stream",
        value: ((after.seconds - before.seconds) * MS_PER_S) / gigabytes,
        unit: "ms",
        target: { atMost: 0.1 },
        beside: `${gigabytes} GB in ${made.seconds.toFixed(1)} s, ${after.runs - before.runs} runs of all programs`,
      },
    ];
  } finally {
    await agent.stop();
    await server.stop();
  }
}

async function kernelTime(agent: AgentProcess): Promise<KernelTime> {
  const samples = await agent.metrics();
  const sum = (wanted: string) =>
    samples.filter(({ name }) => name === wanted).reduce((total, { value }) => total + value, 0);
  return { seconds: sum("weir_agent_bpf_run_time_seconds_total"), runs: sum("weir_agent_bpf_runs_total") };
}
