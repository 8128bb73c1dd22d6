import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../src/config/config-error.ts";
import { readFlags } from "../../src/config/flags.ts";
import { DEFAULT_CONFIG_FILE, loadConfig } from "../../src/config/load-config.ts";

interface Given {
  readonly argv?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Text of the default configuration file, or none. */
  readonly file?: string;
}

function load({ argv = [], environment = {}, file }: Given) {
  return loadConfig({
    flags: readFlags(argv),
    environment,
    hostname: "node-7",
    readFile: (path) => {
      if (path === DEFAULT_CONFIG_FILE && file !== undefined) return file;
      throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: "ENOENT" });
    },
  });
}

/** Every problem as `source: message`. */
function problemsOf(given: Given): string[] {
  try {
    load(given);
  } catch (error) {
    assert(error instanceof ConfigError, `${error}`);
    return error.problems.map(({ source, message }) => `${source}: ${message}`);
  }
  return assert.fail("the configuration was accepted");
}

test("loadConfig() without any source gives the documented defaults", () => {
  assert.deepEqual(load({}), {
    listen: { host: "127.0.0.1", port: 9464 },
    logLevel: "info",
    nodeName: "node-7",
    podUid: "",
    flows: {
      sweepIntervalMs: 10_000,
      drainIntervalMs: 200,
      maxEdges: 2_000,
      idleExpiryMs: 900_000,
      maxConnections: 131_072,
      ringSizeBytes: 4_194_304,
      maxBackendLookups: 5_000,
    },
    kubernetes: { enabled: "auto", jobs: true, serviceLabels: false, replicaSets: false },
    external: { cidrs: [] },
    labels: {
      zone: false,
      region: false,
      node: false,
      pod: false,
      podLabels: {},
      podAnnotations: {},
      externalAddresses: 0,
    },
    otlp: { intervalMs: undefined },
    spans: { failed: true, closed: false },
    bpfStatistics: false,
    host: { proc: "/proc" },
  });
});

test("loadConfig() prefers flags to variables, variables to the file, and the file to defaults", () => {
  const config = load({
    argv: ["--flows.sweep-interval", "5s"],
    environment: { WEIR_FLOWS_SWEEP_INTERVAL: "6s", WEIR_FLOWS_MAX_EDGES: "61" },
    file: "flows: { sweepInterval: 7s, maxEdges: 71, maxConnections: 7001 }",
  });
  assert.equal(config.flows.sweepIntervalMs, 5_000);
  assert.equal(config.flows.maxEdges, 61);
  assert.equal(config.flows.maxConnections, 7_001);
  assert.equal(config.flows.drainIntervalMs, 200);
});

test("loadConfig() takes every kind of value from every source", () => {
  const expected = {
    cidrs: [
      { cidr: "10.0.0.0/8", name: "corp" },
      { cidr: "2001:db8::/32", name: "a=b" },
    ],
    headers: { authorization: "Basic YQ==", "x-scope": "t1" },
  };
  const fromFile = load({
    file: `
kubernetes: { enabled: true }
external:
  cidrs:
    - { cidr: 10.0.0.0/8, name: corp }
    - { cidr: "2001:db8::/32", name: a=b }
otlp:
  endpoint: http://127.0.0.1:4317
  interval: 1.5s
  headers: { authorization: "Basic YQ==", x-scope: t1 }
spans: { closed: true }`,
  });
  const fromEnvironment = load({
    environment: {
      WEIR_KUBERNETES_ENABLED: "true",
      WEIR_EXTERNAL_CIDRS: "10.0.0.0/8=corp, 2001:db8::/32=a=b",
      WEIR_OTLP_ENDPOINT: "http://127.0.0.1:4317",
      WEIR_OTLP_INTERVAL: "1500ms",
      WEIR_OTLP_HEADERS: "authorization=Basic YQ==,x-scope=t1",
      WEIR_SPANS_CLOSED: "true",
    },
  });
  const fromFlags = load({
    argv: [
      ..."--kubernetes.enabled true --external.cidrs 10.0.0.0/8=corp --external.cidrs 2001:db8::/32=a=b".split(" "),
      ..."--otlp.endpoint http://127.0.0.1:4317 --otlp.interval=1.5s --spans.closed".split(" "),
      "--otlp.headers=authorization=Basic YQ==",
      "--otlp.headers=x-scope=t1",
    ],
  });
  assert.deepEqual(fromFile.external.cidrs, expected.cidrs);
  assert.deepEqual(fromFile.otlp.headers, expected.headers);
  assert.equal(fromFile.otlp.intervalMs, 1_500);
  assert.equal(fromFile.kubernetes.enabled, true);
  assert.equal(fromFile.spans.closed, true);
  assert.deepEqual(fromEnvironment, fromFile);
  assert.deepEqual(fromFlags, fromFile);
});

test("loadConfig() names an unknown key of the file with its line and the nearest known one", () => {
  assert.deepEqual(problemsOf({ file: "flows:\n  sweepIntervall: 5s\nlisten: :80\nlogs: debug\n" }), [
    `${DEFAULT_CONFIG_FILE}:2: unknown key flows.sweepIntervall (did you mean flows.sweepInterval?)`,
    `${DEFAULT_CONFIG_FILE}:4: unknown key logs`,
  ]);
});

test("loadConfig() names an unknown key within a list", () => {
  assert.deepEqual(problemsOf({ file: "external:\n  cidrs: [{ cidr: 10.0.0.0/8, name: a, nam: b }]" }), [
    `${DEFAULT_CONFIG_FILE}:2: unknown key external.cidrs.0.nam (did you mean name?)`,
  ]);
});

test("loadConfig() names an unknown variable and the nearest known one", () => {
  assert.deepEqual(problemsOf({ environment: { WEIR_FLOWS_SWEEPINTERVAL: "5s", WEIR_COLOUR: "red" } }), [
    "environment WEIR_FLOWS_SWEEPINTERVAL: unknown variable (did you mean WEIR_FLOWS_SWEEP_INTERVAL?)",
    "environment WEIR_COLOUR: unknown variable",
  ]);
});

test("loadConfig() names an unknown flag and does not take its value for a command", () => {
  assert.deepEqual(problemsOf({ argv: ["--flows.sweepinterval", "5s", "--no-listen"] }), [
    "flag --flows.sweepinterval: unknown flag (did you mean --flows.sweep-interval?)",
    "flag --no-listen: unknown flag (did you mean --listen?)",
  ]);
});

test("loadConfig() reports all problems of all sources at once", () => {
  const problems = problemsOf({
    argv: ["--flows.max-edges", "many", "--listen"],
    environment: { WEIR_LOG_LEVEL: "loud" },
    file: "flows: { ringSize: 3MiB, sweepInterval: 10 }",
  });
  assert.deepEqual(problems, [
    "flag --listen: needs a value: HOST:PORT, [IPV6]:PORT or :PORT, port 0 to 65535",
    'environment WEIR_LOG_LEVEL: Cannot use "loud" as logLevel: needs one of debug, info, warn, error',
    `${DEFAULT_CONFIG_FILE}:1: Cannot use 10 as flows.sweepInterval: needs a duration with its unit, such as 250ms, 10s or 15m`,
    'flag --flows.max-edges: Cannot use "many" as flows.maxEdges: needs a whole number, 1 to 1000000',
    `${DEFAULT_CONFIG_FILE}:1: Cannot use "3MiB" as flows.ringSize: needs a power of two, 64KiB to 1GiB`,
  ]);
});

test("loadConfig() refuses each value that its option cannot mean", () => {
  const refused: readonly (readonly [flag: string, value: string])[] = [
    ["--flows.sweep-interval", "99ms"],
    ["--flows.sweep-interval", "11m"],
    ["--flows.sweep-interval", "-5s"],
    ["--flows.drain-interval", "5"],
    ["--flows.max-edges", "0"],
    ["--flows.max-edges", "1.5"],
    ["--flows.ring-size", "8MB"],
    ["--log-level", "loud"],
    ["--listen", "127.0.0.1"],
    ["--listen", "127.0.0.1:65536"],
    ["--listen", "::1:9464"],
    ["--kubernetes.enabled", "yes"],
    ["--external.cidrs", "10.0.0.0/33=a"],
    ["--external.cidrs", "10.0.0/8=a"],
    ["--external.cidrs", "10.0.0.0/8"],
    ["--otlp.endpoint", "localhost:4317"],
    ["--otlp.protocol", "http/json"],
  ];
  for (const [flag, value] of refused) {
    const problems = problemsOf({ argv: [`${flag}=${value}`] });
    assert.equal(problems.length, 1, `${flag}=${value}: ${problems.join("; ")}`);
    assert.match(problems[0] ?? "", new RegExp(`^flag ${flag}: Cannot use .* needs `));
  }
});

test("loadConfig() accepts listen addresses of both families and of every interface", () => {
  const listen = (text: string) => load({ argv: ["--listen", text] }).listen;
  assert.deepEqual(listen("[::1]:0"), { host: "::1", port: 0 });
  assert.deepEqual(listen(":9464"), { host: "", port: 9_464 });
  assert.deepEqual(listen("localhost:80"), { host: "localhost", port: 80 });
});

test("loadConfig() refuses settings that would have no effect, and names them", () => {
  assert.deepEqual(problemsOf({ argv: ["--otlp.protocol", "grpc"], environment: { WEIR_SPANS_CLOSED: "true" } }), [
    "flag --otlp.protocol: otlp.protocol has no effect without otlp.endpoint",
    "environment WEIR_SPANS_CLOSED: spans.closed has no effect without otlp.endpoint",
  ]);
  assert.deepEqual(problemsOf({ file: "kubernetes:\n  enabled: false\n  kubeconfig: /k\n" }), [
    `${DEFAULT_CONFIG_FILE}:3: kubernetes.kubeconfig has no effect while kubernetes.enabled is false`,
  ]);
  assert.deepEqual(problemsOf({ argv: ["--flows.drain-interval", "2s", "--flows.sweep-interval", "1s"] }), [
    "flag --flows.drain-interval: flows.drainInterval does not fit: flows.drainInterval must not exceed flows.sweepInterval",
  ]);
  assert.deepEqual(
    problemsOf({
      argv: ["--otlp.endpoint", "http://127.0.0.1:4317"],
      environment: { OTEL_SDK_DISABLED: "true" },
    }),
    ["flag --otlp.endpoint: otlp.endpoint has no effect while OTEL_SDK_DISABLED is true"],
  );
});

test("loadConfig() accepts OTLP settings where OpenTelemetry's own variables name the endpoint", () => {
  const config = load({
    argv: ["--otlp.temporality", "delta", "--spans.closed"],
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317" },
  });
  assert.equal(config.otlp.temporality, "delta");
  assert.equal(config.otlp.endpoint, undefined);
});

test("loadConfig() lets a switched-off span stand without an endpoint: it asks for what is so", () => {
  assert.equal(load({ argv: ["--no-spans.failed"] }).spans.failed, false);
});

test("loadConfig() ignores what Kubernetes injects for a Service called weir, and nothing like it", () => {
  load({
    environment: {
      WEIR_SERVICE_HOST: "10.96.0.7",
      WEIR_SERVICE_PORT: "9464",
      WEIR_SERVICE_PORT_METRICS: "9464",
      WEIR_PORT: "tcp://10.96.0.7:9464",
      WEIR_PORT_9464_TCP: "tcp://10.96.0.7:9464",
      WEIR_PORT_9464_TCP_PROTO: "tcp",
      WEIR_PORT_9464_TCP_PORT: "9464",
      WEIR_PORT_9464_TCP_ADDR: "10.96.0.7",
      WEIR_AGENT_SERVICE_HOST: "10.96.0.8",
      WEIR_TEST_NO_SKIP: "1",
    },
  });
  assert.deepEqual(problemsOf({ environment: { WEIR_PORT: "9464" } }), ["environment WEIR_PORT: unknown variable"]);
});

test("loadConfig() takes the node's name from NODE_NAME where nothing else names it", () => {
  assert.equal(load({ environment: { NODE_NAME: "worker-3" } }).nodeName, "worker-3");
  assert.equal(load({ environment: { NODE_NAME: "worker-3" }, argv: ["--node-name", "x"] }).nodeName, "x");
});

test("loadConfig() takes the pod's UID from POD_UID where nothing else tells it, and does without", () => {
  assert.equal(load({ environment: { POD_UID: "5e0d" } }).podUid, "5e0d");
  assert.equal(load({ environment: { POD_UID: "5e0d", WEIR_POD_UID: "77" } }).podUid, "77");
  assert.equal(load({}).podUid, "");
});

test("loadConfig() fails where a file that was asked for is missing, and not where the default one is", () => {
  assert.deepEqual(problemsOf({ argv: ["--config", "/nowhere.yaml"] }), [
    "/nowhere.yaml: Cannot read the configuration: ENOENT: no such file or directory, open '/nowhere.yaml'",
  ]);
});

test("loadConfig() names the line of what is not YAML, of a key given twice, and of a section that is no map", () => {
  assert.match(problemsOf({ file: "listen: :80\nflows: {" })[0] ?? "", /weir\.yaml:2: /);
  assert.match(problemsOf({ file: "listen: :80\nlisten: :81" })[0] ?? "", /weir\.yaml:2: Map keys must be unique/);
  assert.deepEqual(problemsOf({ file: "flows: fast" }), [
    `${DEFAULT_CONFIG_FILE}:1: Cannot read flows: needs a map of settings`,
  ]);
});

test("loadConfig() takes an empty file, or one of empty sections, for no settings", () => {
  assert.deepEqual(load({ file: "" }), load({}));
  assert.deepEqual(load({ file: "# nothing\nflows:\n" }), load({}));
});

test("loadConfig() never prints a header's value", () => {
  const problems = problemsOf({ argv: ["--otlp.endpoint=http://c:4317", "--otlp.headers=secret"] });
  assert.equal(problems.length, 1);
  assert.doesNotMatch(problems[0] ?? "", /secret/);
});

test("loadConfig() reads names of labels, and refuses those that are taken or cannot be", () => {
  const { labels } = load({ file: "labels:\n  zone: true\n  podLabels:\n    team: example.com/team\n" });
  assert.deepEqual([labels.zone, labels.podLabels], [true, { team: "example.com/team" }]);
  const flags = ["--labels.pod-annotations", "cost=cost-centre"];
  assert.deepEqual(load({ argv: flags }).labels.podAnnotations, { cost: "cost-centre" });
  for (const bad of ["pod=x", "namespace=x", "Team=x", "team=a b", "1=x"]) {
    assert.equal(problemsOf({ argv: ["--labels.pod-labels", bad] }).length, 1, bad);
  }
  const both = ["--labels.pod-labels", "team=a", "--labels.pod-annotations", "team=b"];
  assert.match(problemsOf({ argv: both })[0] ?? "", /labels.podAnnotations has a name of labels.podLabels: team/);
  const off = problemsOf({ file: "kubernetes:\n  enabled: false\nlabels:\n  zone: true\n" });
  assert.match(off[0] ?? "", /labels.zone has no effect while kubernetes.enabled is false/);
});
