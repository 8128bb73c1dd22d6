import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type DoctorOptions, doctorText, examine, isHealthy } from "../../src/cli/doctor.ts";

const ALL_CAPABILITIES = "CapEff:\t000001ffffffffff\n";
const ATTACHED = { name: "tcp_state", hook: "tp_btf/inet_sock_set_state", state: "attached", detail: "" } as const;
const TYPES = [
  "",
  "btf_trace_inet_sock_set_state",
  "BPF_MAP_TYPE_RINGBUF",
  "bpf_iter__bpf_map_elem",
  "bpf_iter__task_file",
  "",
];

/** A host whose files are these; what is undefined does not exist. */
function host(context: TestContext, change: Readonly<Record<string, string | undefined>> = {}) {
  const root = mkdtempSync(join(tmpdir(), "weir-doctor-"));
  context.after(() => rmSync(root, { recursive: true }));
  const files: Readonly<Record<string, string | undefined>> = {
    "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "proc/sys/kernel/bpf_stats_enabled": "0\n",
    "proc/sys/net/core/bpf_jit_enable": "1\n",
    "proc/self/status": ALL_CAPABILITIES,
    "proc/self/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\n",
    "sys/kernel/btf/vmlinux": TYPES.join("\0"),
    ...change,
  };
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { proc: join(root, "proc"), sysfs: join(root, "sys") };
}

function options(context: TestContext, change: Partial<DoctorOptions> = {}): DoctorOptions {
  return {
    host: host(context),
    programs: () => Promise.resolve([ATTACHED]),
    api: undefined,
    ...change,
  };
}

/** `subject: verdict` of what is not ok. */
async function complaints(given: DoctorOptions): Promise<string[]> {
  const findings = await examine(given);
  for (const { subject, verdict, remedy } of findings) {
    assert.equal(verdict === "ok", remedy === "", `${subject} must say what to do exactly where something is wrong`);
  }
  return findings.filter(({ verdict }) => verdict !== "ok").map(({ subject, verdict }) => `${subject}: ${verdict}`);
}

test("examine() has no complaint about a host that has everything", async (context) => {
  assert.deepEqual(await complaints(options(context)), []);
});

test("examine() names each thing that the kernel lacks", async (context) => {
  const cases: readonly (readonly [path: string, text: string | undefined, expected: string[]])[] = [
    ["proc/sys/kernel/osrelease", "5.4.0-150-generic", ["version: fail", "CAP_SYS_RESOURCE: ok"]],
    ["proc/sys/kernel/osrelease", undefined, ["version: warn"]],
    ["sys/kernel/btf/vmlinux", undefined, ["type information: fail"]],
    [
      "sys/kernel/btf/vmlinux",
      TYPES.slice(0, 3).concat("").join("\0"),
      ["map iterator: warn", "task file iterator: warn"],
    ],
    ["proc/sys/net/core/bpf_jit_enable", "0", ["BPF compiler: warn"]],
    ["sys/kernel/security/lockdown", "none integrity [confidentiality]", ["lockdown: fail"]],
    ["proc/self/mounts", "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n", ["cgroup2: warn"]],
    ["proc/self/mounts", undefined, ["mounts: warn"]],
  ];
  for (const [path, text, expected] of cases) {
    const found = await complaints(options(context, { host: host(context, { [path]: text }) }));
    assert.deepEqual(
      found,
      expected.filter((line) => !line.endsWith("ok")),
      `${path} = ${text}`,
    );
  }
});

test("examine() reads each capability from its bit", async (context) => {
  const capabilities = (...bits: bigint[]) => {
    const mask = bits.reduce((sum, bit) => sum | (1n << bit), 0n);
    const status = `Name:\tnode\nCapEff:\t${mask.toString(16).padStart(16, "0")}\n`;
    return complaints(options(context, { host: host(context, { "proc/self/status": status }) }));
  };
  assert.deepEqual(await capabilities(12n, 19n, 38n, 39n), []);
  assert.deepEqual(await capabilities(12n, 19n, 38n), ["CAP_BPF: fail"]);
  assert.deepEqual(await capabilities(12n, 19n, 39n), ["CAP_PERFMON: fail"]);
  assert.deepEqual(await capabilities(12n, 38n, 39n), ["CAP_SYS_PTRACE: warn"]);
  assert.deepEqual(await capabilities(19n, 38n, 39n), ["CAP_NET_ADMIN: warn"]);
  assert.deepEqual(await capabilities(12n, 19n, 21n), []);
  assert.equal((await capabilities()).length, 4);
});

test("examine() wants SYS_PTRACE only where no cluster tells the addresses of pods", async (context) => {
  const status = "CapEff:\t000000c000001000\n";
  const api = () => Promise.resolve({ reachable: true, detail: "", forbidden: [] });
  const change = { host: host(context, { "proc/self/status": status }) };
  assert.deepEqual(await complaints(options(context, change)), ["CAP_SYS_PTRACE: warn"]);
  assert.deepEqual(await complaints(options(context, { ...change, api })), []);
});

test("examine() wants SYS_RESOURCE only where maps count as locked memory", async (context) => {
  const status = "CapEff:\t000000c000081000\n";
  const at = (release: string) =>
    complaints(
      options(context, { host: host(context, { "proc/self/status": status, "proc/sys/kernel/osrelease": release }) }),
    );
  assert.deepEqual(await at("5.10.0-30-cloud-amd64"), ["CAP_SYS_RESOURCE: warn"]);
  assert.deepEqual(await at("5.11.0"), []);
});

test("examine() tells a program that failed from an addon that cannot be loaded", async (context) => {
  const failed = { name: "tcp_survey", hook: "iter/task_file", state: "failed", detail: "EINVAL" } as const;
  assert.deepEqual(await complaints(options(context, { programs: () => Promise.resolve([ATTACHED, failed]) })), [
    "tcp_survey: warn",
  ]);
  assert.deepEqual(await complaints(options(context, { programs: () => Promise.resolve([failed]) })), [
    "tcp_survey: warn",
    "all programs: fail",
  ]);
  assert.deepEqual(await complaints(options(context, { programs: () => Promise.reject(new Error("no such file")) })), [
    "addon: fail",
  ]);
});

test("examine() tells an API server that does not answer from one that forbids", async (context) => {
  const api = (report: Awaited<ReturnType<NonNullable<DoctorOptions["api"]>>>) =>
    complaints(options(context, { api: () => Promise.resolve(report) }));
  assert.deepEqual(await api({ reachable: true, detail: "v1.37.1", forbidden: [] }), []);
  assert.deepEqual(await api({ reachable: true, detail: "v1.37.1", forbidden: ["services"] }), ["services: warn"]);
  assert.deepEqual(await api({ reachable: false, detail: "ECONNREFUSED", forbidden: [] }), ["API server: warn"]);
  assert.deepEqual(await complaints(options(context, { api: () => Promise.reject(new Error("x509")) })), [
    "API server: warn",
  ]);
});

test("doctorText() shows every finding with what to do, and nothing that a terminal acts on", async (context) => {
  const detail = "EACCES\nR1 invalid mem access \x1b[2J";
  const findings = await examine(
    options(context, {
      programs: () => Promise.resolve([{ ...ATTACHED, name: "tcp\x07_state", state: "failed", detail }]),
    }),
  );
  const text = doctorText(findings);
  assert.match(
    text,
    /^ {2}warn {2}tcp\ufffd_state +tp_btf\/inet_sock_set_state: EACCES\n {8}R1 invalid mem access \ufffd\[2J\n {8}-> /m,
  );
  assert.match(text, /\n\d+ ok, 1 to note, 1 failed\n$/);
  assert.equal(isHealthy(findings), false);
});
