import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { suite, type TestContext, test } from "node:test";
import { AgentProcess } from "../rig/agent-process.ts";
import { freePort } from "../rig/free-port.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

function fileWith(t: TestContext, name: string, text: string): string {
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  writeFileSync(directory.file(name), text);
  return directory.file(name);
}

for (const flag of ["--version", "-V"]) {
  test(`weir ${flag} prints the version and ends`, async () => {
    assert.deepEqual(await AgentProcess.run({ flags: [flag] }), {
      code: 0,
      signal: null,
      output: `weir ${version}\n`,
    });
  });
}

test("weir --help names every setting's flag, variable and key, and ends", async () => {
  const { code, output } = await AgentProcess.run({ flags: ["--help"] });
  assert.equal(code, 0);
  const schema = JSON.parse(readFileSync(new URL("../../deploy/weir.schema.json", import.meta.url), "utf8"));
  const keys = Object.entries(schema.properties as Record<string, { properties?: object }>).flatMap(([key, value]) =>
    value.properties === undefined ? [key] : Object.keys(value.properties).map((inner) => `${key}.${inner}`),
  );
  assert.ok(keys.length > 20);
  for (const key of keys) {
    const kebab = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const variable = `WEIR_${kebab.replaceAll(/[.-]/g, "_").toUpperCase()}`;
    for (const word of [`--${kebab} `, `Key ${key}, variable ${variable}\n`]) {
      assert.ok(output.includes(word), `help lacks ${word}`);
    }
  }
});

const WRONG: readonly [what: string, flags: string[], env: Record<string, string>, complaint: RegExp][] = [
  [
    "an unknown flag",
    ["--flows.sweep-intervall", "1s"],
    {},
    /--flows\.sweep-intervall: unknown flag.*--flows\.sweep-interval/,
  ],
  [
    "a value out of range",
    ["--flows.sweep-interval", "1ms"],
    {},
    /flag --flows\.sweep-interval: Cannot use "1ms" as flows\.sweepInterval: needs 100ms to 10m/,
  ],
  ["a flag without its value", ["--listen"], {}, /--listen/],
  ["an unknown command", ["obsreve"], {}, /unknown command "obsreve"/],
  [
    "a bad address to listen on",
    ["--listen", "127.0.0.1:65536"],
    {},
    /flag --listen: Cannot use "127\.0\.0\.1:65536" as listen/,
  ],
  [
    "an unknown variable",
    [],
    { WEIR_FLOWS_MAX_EDGE: "5" },
    /WEIR_FLOWS_MAX_EDGE: unknown variable.*WEIR_FLOWS_MAX_EDGES/,
  ],
  [
    "a bad variable",
    [],
    { WEIR_FLOWS_MAX_EDGES: "many" },
    /environment WEIR_FLOWS_MAX_EDGES: Cannot use "many" as flows\.maxEdges/,
  ],
  [
    "a setting without effect",
    ["--spans.closed"],
    {},
    /flag --spans\.closed: spans\.closed has no effect without otlp\.endpoint/,
  ],
  [
    "an endpoint that is no URL",
    ["--otlp.endpoint", "collector:4317"],
    {},
    /flag --otlp\.endpoint: Cannot use "collector:4317" as otlp\.endpoint/,
  ],
  [
    "a bad variable of OpenTelemetry's",
    [],
    { OTEL_EXPORTER_OTLP_ENDPOINT: "not a url" },
    /OTEL_EXPORTER_OTLP_ENDPOINT must be a URL.*current value is not a url/,
  ],
  [
    "another protocol of OpenTelemetry's",
    [],
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
    /OTEL_EXPORTER_OTLP_PROTOCOL must be grpc or http\/protobuf, current value is http\/json/,
  ],
  [
    "a configuration file that is not there",
    ["--config", "/nowhere/weir.yaml"],
    {},
    /\/nowhere\/weir\.yaml: Cannot read the configuration: ENOENT/,
  ],
  [
    "a kubeconfig that is not there",
    ["--kubernetes.kubeconfig", "/nowhere/config"],
    {},
    /Cannot read kubeconfig \/nowhere\/config: ENOENT/,
  ],
  [
    "a cluster that must be, without credentials",
    ["--kubernetes.enabled", "true"],
    {},
    /Cannot reach a Kubernetes API server: .* give --kubernetes\.kubeconfig, or --kubernetes\.enabled=false/,
  ],
];

suite("a command line or environment that is wrong", { concurrency: 3 }, () => {
  for (const [what, flags, env, complaint] of WRONG) {
    test(`weir with ${what} says so and ends with 2`, async () => {
      const { code, output } = await AgentProcess.run({ flags, env });
      assert.match(output, complaint);
      assert.match(output, /See weir --help\.\n$/);
      assert.equal(code, 2);
    });
  }
});

test("weir names every wrong line of a configuration file and ends with 2", async (t) => {
  const file = fileWith(
    t,
    "weir.yaml",
    "flows:\n  maxEdges: none\n  sweepInterval: 5s\nlissten: :1\notlp:\n  interval: 30s\n",
  );
  const { code, output } = await AgentProcess.run({ flags: ["--config", file] });
  assert.equal(code, 2);
  assert.match(output, /weir\.yaml:2: Cannot use "none" as flows\.maxEdges: needs a whole number, 1 to 1000000\n/);
  assert.match(output, /weir\.yaml:4: unknown key lissten.*listen/);
});

test("weir with a configuration file that is not YAML names the place and ends with 2", async (t) => {
  const file = fileWith(t, "weir.yaml", "flows:\n  maxEdges: [1\n");
  const { code, output } = await AgentProcess.run({ flags: ["--config", file] });
  assert.equal(code, 2);
  assert.match(output, /weir\.yaml:\d+: /);
});

test("weir with an unusable kubeconfig names the file and what it lacks, and ends with 2", async (t) => {
  const file = fileWith(t, "config", "current-context: there\ncontexts: []\n");
  for (const source of [{ flags: ["--kubernetes.kubeconfig", file] }, { env: { KUBECONFIG: file } }]) {
    const { code, output } = await AgentProcess.run(source);
    assert.equal(code, 2);
    assert.ok(output.includes(`Cannot use kubeconfig ${file}: it has no context "there"`), output);
  }
});

test("weir with its port in use says how to find who has it, and ends with 1", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const { code, output } = await AgentProcess.run({ flags: ["--listen", `127.0.0.1:${port}`] });
  assert.equal(code, 1);
  assert.equal(
    output,
    `weir: Cannot serve metrics on 127.0.0.1:${port}: another process listens there; ` +
      `stop it ("ss -ltnp sport = :${port}" shows which), or give Weir another address\n` +
      `  because: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
  );
});

test("weir with an address that is not this host's says so and ends with 1", async () => {
  const { code, output } = await AgentProcess.run({ flags: ["--listen", "192.0.2.23:9464"] });
  assert.equal(code, 1);
  assert.match(output, /^weir: Cannot serve metrics on 192\.0\.2\.23:9464: the address must be one of this host's/);
});

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const OWNER = statSync(MAIN);
/** Without any capability, as the sources' owner: anyone else may not be let in where they are. */
const POWERLESS: readonly [string, ...string[]] = [
  "setpriv",
  "--bounding-set=-all",
  "--inh-caps=-all",
  `--reuid=${OWNER.uid}`,
  `--regid=${OWNER.gid}`,
  "--clear-groups",
  "--",
];

test("weir without privileges says what it needs and ends with 1", async () => {
  const { code, output } = await AgentProcess.run({ command: [...POWERLESS, process.execPath, MAIN] });
  assert.equal(code, 1);
  assert.match(output, /^weir: Cannot load .*\.bpf\.o: Operation not permitted/);
  assert.match(output, /needs root, or the capabilities BPF and PERFMON; weir doctor tells which are missing\.\n$/);
});

test("weir doctor ends with 0 where all is well", async () => {
  const { code, output } = await AgentProcess.run({ command: [process.execPath, MAIN, "doctor"] });
  assert.match(output, /ok +tcp_state +attached: tp_btf\/inet_sock_set_state/);
  assert.match(output, /ok +API server +none configured or found/);
  assert.match(output, /, 0 failed\n$/);
  assert.equal(code, 0);
});

test("weir doctor without privileges names the capabilities and ends with 1", async () => {
  const { code, output } = await AgentProcess.run({
    command: [...POWERLESS, process.execPath, MAIN, "doctor"],
  });
  assert.match(output, /fail +CAP_BPF +missing\n +-> Run as root, or add BPF/);
  assert.match(output, /[1-9] failed\n$/);
  assert.equal(code, 1);
});

test("weir doctor with an API server that is away notes it and ends with 0, because Weir measures without", async (t) => {
  const server = `https://127.0.0.1:${await freePort()}`;
  const file = fileWith(t, "config", kubeconfigOf(server));
  const { code, output } = await AgentProcess.run({
    command: [process.execPath, MAIN, "doctor"],
    flags: ["--kubernetes.kubeconfig", file],
  });
  assert.match(output, /warn +API server +.*ECONNREFUSED/);
  assert.equal(code, 0);
});

test("weir takes a setting from its flag, else its variable, else its file, else the default", async (t) => {
  const [byFile, byVariable, byFlag] = [await freePort(), await freePort(), await freePort()];
  const file = fileWith(t, "weir.yaml", `listen: 127.0.0.1:${byFile}\nnodeName: file\nlogLevel: warn\n`);
  const env = { WEIR_LISTEN: `127.0.0.1:${byVariable}`, WEIR_NODE_NAME: "variable", WEIR_LOG_LEVEL: "info" };
  const agent = await AgentProcess.start({
    env,
    flags: ["--config", file, "--listen", `127.0.0.1:${byFlag}`],
  });
  t.after(() => agent.kill());
  assert.equal(agent.address, `127.0.0.1:${byFlag}`);
  assert.equal(await agent.sum("weir_agent_info", { node: "variable", version }), 1);
  await agent.stop();

  const second = await AgentProcess.start({
    flags: ["--config", file],
    env: { WEIR_LISTEN: env.WEIR_LISTEN, WEIR_LOG_LEVEL: "info" },
  });
  t.after(() => second.kill());
  assert.equal(second.address, `127.0.0.1:${byVariable}`);
  assert.equal(await second.sum("weir_agent_info", { node: "file" }), 1);
});

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    clusters: [{ name: "test", cluster: { server } }],
    users: [{ name: "test", user: { token: "none" } }],
  });
}
