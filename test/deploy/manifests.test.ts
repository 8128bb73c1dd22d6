import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { VERSION } from "../../src/cli/version.ts";
import { readFlags } from "../../src/config/flags.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { AgentProcess } from "../rig/agent-process.ts";
import { ApiServer } from "../rig/api-server.ts";
import { KubernetesClient, type KubernetesObject } from "../rig/kubernetes-client.ts";
import { skipWithout, toolPath } from "../rig/tools.ts";
import { BASE, onlyOne, renderedBase } from "./rendered-base.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

async function rulesOf(account: KubernetesClient): Promise<Rule[]> {
  const review = {
    ...{ apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview" },
    spec: { namespace: "kube-system" },
  };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
  const { status } = (await account.request("POST", path, review)) as { status: { resourceRules: Rule[] } };
  return status.resourceRules;
}

test("weir.yaml of the base is a configuration that the agent takes", () => {
  const file = join(BASE, "weir.yaml");
  const config = loadConfig({
    flags: readFlags(["--config", file]),
    environment: { NODE_NAME: "n1", WEIR_LISTEN: "[fd00::11]:9464" },
    hostname: "pod",
    readFile: (path) => readFileSync(path, "utf8"),
  });
  assert.deepEqual(config.listen, { host: "fd00::11", port: 9464 });
  assert.equal(config.nodeName, "n1");
});

suite("deploy/kustomize/base", { skip: skipWithout("kubernetes", "etcd") }, () => {
  let server: ApiServer;
  let objects: KubernetesObject[];
  before(async () => {
    objects = await renderedBase();
    server = await ApiServer.start();
  });
  after(() => server.stop());

  async function accountOf(t: TestContext, name: string): Promise<KubernetesClient> {
    const token = await server.serviceAccountToken("weir", name);
    const client = new KubernetesClient({ url: server.url, ca: server.ca, token });
    t.after(() => client.close());
    return client;
  }

  test("a real API server takes it as it is, without a warning, and again without a change", async () => {
    const kubectl = await toolPath("kubernetes", "kubectl");
    const apply = () => {
      const args = ["--kubeconfig", server.adminKubeconfig, "apply", "--validate=strict", "--warnings-as-errors"];
      return promisify(execFile)(kubectl, [...args, "-k", BASE]);
    };
    const first = await apply();
    assert.equal(first.stderr, "");
    const expected = objects.map(({ kind }) => kind).sort();
    assert.deepEqual(expected, [
      ...["ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "Namespace", "ServiceAccount"],
    ]);
    assert.equal(first.stdout.match(/ created$/gm)?.length, objects.length, first.stdout);
    const second = await apply();
    assert.equal(second.stdout.match(/ unchanged$/gm)?.length, objects.length, second.stdout);
  });

  test("its image and its labels are of this version, and the configuration's hash is in the pods' template", () => {
    const daemonSet = onlyOne(objects, "DaemonSet");
    const { template } = daemonSet["spec"] as { template: KubernetesObject };
    const { containers, volumes } = template["spec"] as {
      containers: { image: string }[];
      volumes: { name: string; configMap?: { name: string } }[];
    };
    assert.deepEqual(
      containers.map(({ image }) => image),
      [`localhost/weir:${VERSION}`],
    );
    for (const { metadata } of [...objects, template]) {
      const labels = metadata["labels"] as Record<string, string>;
      assert.equal(labels["app.kubernetes.io/name"], "weir");
      assert.equal(labels["app.kubernetes.io/version"], VERSION);
    }
    const configMap = onlyOne(objects, "ConfigMap").metadata.name;
    assert.match(configMap, /^weir-[0-9a-z]{10}$/);
    assert.equal(volumes.find(({ name }) => name === "config")?.configMap?.name, configMap);
  });

  test("the service account may list and watch what the agent watches, and nothing else", async (t) => {
    await server.admin.apply(objects);
    const kubeconfig = await server.serviceAccountKubeconfig("weir", "weir");
    const flags = ["--kubernetes.kubeconfig", kubeconfig, "--node-name", "n1"];
    const agent = await AgentProcess.start({ flags });
    t.after(() => agent.kill());
    // All lists are complete, so the rights suffice.
    await agent.ready(60_000);
    const watches = await agent.metrics("weir_agent_watch_synced");
    for (const { labels, value } of watches) assert.equal(value, 1, `${labels["resource"]}`);
    const watched = watches.map(({ labels }) => labels["resource"]);
    await agent.stop();

    const account = await accountOf(t, "weir");
    const ofEverybody = (await rulesOf(await accountOf(t, "powerless"))).map((rule) => JSON.stringify(rule));
    const own = (await rulesOf(account)).filter((rule) => !ofEverybody.includes(JSON.stringify(rule)));
    assert.deepEqual(own.flatMap(({ resources }) => resources).sort(), watched.sort());
    for (const { verbs } of own) assert.deepEqual([...verbs].sort(), ["list", "watch"]);
    for (const forbidden of ["/api/v1/secrets", "/api/v1/configmaps", "/api/v1/namespaces/weir/pods/none/log"]) {
      assert.equal((await account.send("GET", forbidden)).status, 403, forbidden);
    }
  });
});
