import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { findCredentials } from "../../src/kubernetes/find-credentials.ts";
import { KubeconfigError } from "../../src/kubernetes/kubeconfig.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";

const TEXT = JSON.stringify({
  "current-context": "a",
  contexts: ["a", "b"].map((name) => ({ name, context: { cluster: name, user: "u" } })),
  clusters: ["a", "b"].map((name) => ({ name, cluster: { server: `http://${name}.example.test:80` } })),
  users: [{ name: "u", user: { token: "t" } }],
});

test("findCredentials() looks into $KUBECONFIG and the home directory, and takes the context that is named", async (t) => {
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  const file = directory.file("config");
  writeFileSync(file, TEXT);
  const server = async (context?: string) =>
    (await findCredentials({ enabled: "auto", context }, { KUBECONFIG: file }))?.server.host;
  assert.equal(await server(), "a.example.test");
  assert.equal(await server("b"), "b.example.test");
  assert.equal(await findCredentials({ enabled: false }, { KUBECONFIG: file }), undefined);
  assert.equal(await findCredentials({ enabled: "auto" }, { HOME: "/nowhere" }), undefined);
});

test("findCredentials() refuses a context that nothing would use", async () => {
  await assert.rejects(
    findCredentials({ enabled: "auto", context: "b" }, { HOME: "/nowhere" }),
    (error: unknown) =>
      error instanceof KubeconfigError &&
      error.message ===
        'Cannot use kubernetes.context "b": there is no /nowhere/.kube/config; give --kubernetes.kubeconfig, too, or neither',
  );
});
