import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { connectPeer, PeerClient, PeerServer } from "../lab/peer.ts";
import { Program } from "../lab/program.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { freePort } from "../rig/free-port.ts";
import type { BenchOptions, Reading } from "./bench.ts";
import { startAgent } from "./bench-agent.ts";
import { here } from "./here.ts";
import { median, range } from "./median.ts";
import { bpfMapBytes, cpuSeconds, residentBytes } from "./process-usage.ts";

const CONNECTIONS = 20_000;
const ROUNDS = 7;
const QUICK_ROUNDS = 3;
const IDLE_CONNECTIONS = 5_000;
const REQUESTS_PER_S = 200;
const KEPT_CONNECTIONS = 20;
const IDLE_S = 60;
const QUICK_IDLE_S = 15;
/** The first seconds belong to finding the connections, and to the compiler of the agent's code. */
const WARM_S = 5;
const MB = 1e6;
const OPENED = "weir_connections_opened_total";

/** CPU time of the agent for connections that come and go, from the first SYN until all are in the metrics. */
export async function shortConnectionCpu({ quick }: BenchOptions): Promise<Reading[]> {
  const place = await here();
  const port = await freePort();
  const server = await PeerServer.start(place, { port, read: 64, respond: 64 });
  const agent = await startAgent();
  try {
    const rounds: number[] = [];
    for (let round = 1; round <= (quick ? QUICK_ROUNDS : ROUNDS) + 1; round++) {
      const before = cpuSeconds(agent.pid);
      const load = { count: CONNECTIONS, concurrency: 32, send: 64, expect: 64, source: "127.1.0.1+8" };
      await connectPeer(place, { to: "127.0.0.1", port, ...load });
      // the scrapes that look for it are among what is measured
      await agent.waitForSum(OPENED, { server_port: String(port) }, round * CONNECTIONS);
      rounds.push(cpuSeconds(agent.pid) - before);
    }
    const [first = Number.NaN, ...warm] = rounds;
    return [
      {
        what: "agent CPU for 20 000 short connections",
        value: median(warm),
        unit: "s",
        target: { atMost: 0.2 },
        beside: `rounds ${range(warm, 2)}; the first, just started, ${first.toFixed(2)}`,
      },
    ];
  } finally {
    await agent.stop();
    await server.stop();
  }
}

/** What the agent takes on a node where little happens: many connections, few requests. */
export async function quietNode({ quick }: BenchOptions): Promise<Reading[]> {
  const place = await here();
  const [idlePort, port] = [await freePort(), await freePort()];
  const idleServer = await PeerServer.start(place, { port: idlePort, read: 1, respond: 1 });
  const idle = await PeerClient.start(place, {
    to: "127.0.0.1",
    port: idlePort,
    count: IDLE_CONNECTIONS,
    send: 1,
    expect: 1,
    hold: true,
  });
  const server = await PeerServer.start(place, { port, read: 64, respond: 1024 });
  const agent = await startAgent();
  try {
    await idle.holding();
    await agent.waitForSum("weir_connections_active", { server_port: String(idlePort) }, IDLE_CONNECTIONS, 30_000);
    const seconds = quick ? QUICK_IDLE_S : IDLE_S;
    const share = async (load: () => Promise<unknown>): Promise<number> => {
      const running = load();
      await delay(WARM_S * 1000);
      const before = cpuSeconds(agent.pid);
      const began = performance.now();
      await running;
      return (100 * 1000 * (cpuSeconds(agent.pid) - before)) / (performance.now() - began);
    };
    const exchange = { to: "127.0.0.1", port, send: 64, expect: 1024 };
    const kept = await PeerClient.start(place, { ...exchange, count: KEPT_CONNECTIONS, hold: true });
    await kept.holding();
    const onKept = await share(async () => {
      for (let request = 0; request < REQUESTS_PER_S * (seconds + WARM_S); request += KEPT_CONNECTIONS) {
        kept.program.signal("SIGUSR1");
        await delay((1000 * KEPT_CONNECTIONS) / REQUESTS_PER_S);
      }
    });
    await kept.stop();
    const onNew = await share(() =>
      connectPeer(place, { ...exchange, count: REQUESTS_PER_S * (seconds + WARM_S), ratePerSecond: REQUESTS_PER_S }),
    );
    const { now, peak } = residentBytes(agent.pid);
    return [
      {
        what: "agent CPU, 5 000 idle connections and 200 requests a second",
        value: onKept,
        unit: "% of a core",
        target: { atMost: 0.5 },
        beside: `over ${seconds} s, on ${KEPT_CONNECTIONS} kept connections`,
      },
      {
        what: "the same, each request a connection of its own",
        value: onNew,
        unit: "% of a core",
        beside: `over ${seconds} s`,
      },
      {
        what: "agent memory then",
        value: now / MB,
        unit: "MB",
        target: { atMost: 120 },
        beside: `resident; the most since its start ${(peak / MB).toFixed(1)}`,
      },
      {
        what: "BPF maps at defaults",
        value: bpfMapBytes(agent.pid) / MB,
        unit: "MB",
        target: { atMost: 32 },
        beside: "as the kernel accounts them to the agent",
      },
    ];
  } finally {
    await agent.stop();
    await idle.stop();
    await Promise.all([server.stop(), idleServer.stop()]);
  }
}

/** From the command to `/readyz` saying yes. */
export async function startUp({ quick }: BenchOptions): Promise<Reading[]> {
  const npmStart = () => AgentProcess.startReady({ command: ["npm", "start", "--silent", "--"] });
  const measure = async (start: () => Promise<AgentProcess>) => {
    const began = performance.now();
    const agent = await start();
    const seconds = (performance.now() - began) / 1000;
    await agent.stop();
    return seconds;
  };
  await Program.mustRun(["npm", "run", "--silent", "build"]); // which may take longer than an agent is waited for
  await measure(npmStart);
  const whole: number[] = [];
  const agentOnly: number[] = [];
  for (let round = 0; round < (quick ? QUICK_ROUNDS : ROUNDS); round++) {
    whole.push(await measure(npmStart));
    agentOnly.push(await measure(startAgent));
  }
  return [
    {
      what: "npm start until ready",
      value: median(whole),
      unit: "s",
      target: { atMost: 2 },
      beside: `rounds ${range(whole, 2)}; built before`,
    },
    {
      what: "of which the agent",
      value: median(agentOnly),
      unit: "s",
      beside: `rounds ${range(agentOnly, 2)}; the rest is npm, and the look whether all is built`,
    },
  ];
}
