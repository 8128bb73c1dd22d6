import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import { startAgent } from "../../src/agent.ts";
import { readFlags } from "../../src/config/flags.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { OPTIONS } from "../../src/config/option.ts";
import type { Config } from "../../src/config/schema.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { freePort } from "../rig/free-port.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

/** Read by the command line, which makes the log before there is an agent. */
const BEFORE_THE_AGENT = ["logLevel"];

test("startAgent() reads every setting that is documented", async (t) => {
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  const kubeconfig = directory.file("config");
  writeFileSync(kubeconfig, kubeconfigOf(`http://127.0.0.1:${await freePort()}`));
  const values: Readonly<Record<string, string>> = {
    "kubernetes.kubeconfig": kubeconfig,
    "kubernetes.context": "test",
    "external.cidrs": "192.0.2.0/24=elsewhere",
    "otlp.endpoint": await otlpReceiver(t),
    "otlp.protocol": "http/protobuf",
    "otlp.interval": "1h",
    "otlp.temporality": "delta",
    "otlp.headers": "x-scope=t1",
    listen: "127.0.0.1:0",
  };
  const flags = readFlags(Object.entries(values).map(([path, value]) => `${flagOf(path)}=${value}`));
  const config = loadConfig({ flags, environment: {}, hostname: "here", readFile: () => "" });

  const read = new Set<string>();
  const agent = await startAgent(recording(config, read), {}, pino({ level: "silent" }));
  await agent.shutdown();

  const unread = leavesOf(config).filter((leaf) => !read.has(leaf));
  assert.deepEqual(unread, BEFORE_THE_AGENT);
  // As many leaves as options: none is documented that the configuration does not hold.
  assert.equal(leavesOf(config).length, OPTIONS.length);
});

test("weir --log-level keeps what is less severe out of the log", async (t) => {
  const port = await freePort();
  const agent = await AgentProcess.start({ flags: ["--log-level", "debug", "--listen", `127.0.0.1:${port}`] });
  t.after(() => agent.kill());
  assert.ok(agent.log().some(({ level }) => level === 30));
  const { code, output } = await AgentProcess.run({ flags: ["--log-level", "error", "--listen", "192.0.2.23:9464"] });
  assert.equal(code, 1);
  assert.doesNotMatch(output, /"level":[1-4]0/);
});

function flagOf(path: string): string {
  return OPTIONS.find((option) => option.path === path)?.flag ?? assert.fail(`there is no option ${path}`);
}

const isSection = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Paths of all settings: `listen`, `flows.maxEdges`, … */
function leavesOf(config: Config): string[] {
  return Object.entries(config).flatMap(([key, value]) =>
    key !== "listen" && isSection(value) ? Object.keys(value).map((inner) => `${key}.${inner}`) : [key],
  );
}

/** `config`, which notes the settings that are read from it. */
function recording(config: Config, read: Set<string>): Config {
  const noting = <Section extends object>(section: Section, prefix: string): Section =>
    new Proxy(section, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (prefix === "" && key !== "listen" && isSection(value)) return noting(value, `${String(key)}.`);
        read.add(`${prefix}${String(key)}`);
        return value;
      },
    });
  return noting(config, "");
}

/** A receiver that takes whatever it is sent. */
async function otlpReceiver(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200, { "content-type": "application/x-protobuf" }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    clusters: [{ name: "test", cluster: { server } }],
    users: [{ name: "test", user: { token: "none" } }],
  });
}
