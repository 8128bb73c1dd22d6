import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { kubeconfigCredentials } from "../../src/kubernetes/kubeconfig.ts";
import { KubernetesWatches } from "../../src/kubernetes/kubernetes-watches.ts";
import { CertificateAuthority } from "../rig/certificate-authority.ts";
import { ScratchDirectory } from "../rig/scratch-directory.ts";
import { waitUntil } from "../rig/wait-until.ts";
import { bookmark } from "./api-bytes.ts";
import { RecordingSink } from "./recording-sink.ts";
import { streamWatch, UnrulyServer } from "./unruly-server.ts";

const config = (cluster: object, user: object) => ({
  clusters: [{ name: "c", cluster }],
  users: [{ name: "u", user }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  "current-context": "x",
});

test("kubeconfigCredentials() connects by files beside the config, a client certificate and another server name", async (t) => {
  const authority = new CertificateAuthority("test");
  const serving = authority.issue({ commonName: "server", names: ["api.example.test"] });
  const client = authority.issue({ commonName: "weir", organization: "agents" });
  const subjects: unknown[] = [];
  const server = await UnrulyServer.start(
    (_, response) => {
      subjects.push((response.socket as TLSSocket).getPeerCertificate().subject.CN);
      streamWatch(response, bookmark(20, true));
    },
    { tls: { cert: serving.certificate, key: serving.key, ca: authority.certificate, requestCert: true } },
  );
  const directory = new ScratchDirectory();
  writeFileSync(directory.file("ca.crt"), authority.certificate);
  writeFileSync(directory.file("client.crt"), client.certificate);
  writeFileSync(directory.file("token"), "from-the-file\n");
  const file = directory.file("config");
  const cluster = { server: server.url.href, "certificate-authority": "ca.crt" };
  const user = {
    "client-certificate": "client.crt",
    "client-key-data": Buffer.from(client.key).toString("base64"),
    token: "given",
    tokenFile: "token",
  };
  const watch = async (serverName: object) => {
    writeFileSync(file, JSON.stringify(config({ ...cluster, ...serverName }, user)));
    const credentials = await kubeconfigCredentials(file);
    const watches = new KubernetesWatches({ credentials, sink: new RecordingSink(), timing: { startJitterMs: 0 } });
    t.after(() => watches.shutdown());
    watches.start();
    return watches;
  };
  t.after(async () => {
    directory.remove();
    await server.stop();
  });

  const named = await watch({ "tls-server-name": "api.example.test" });
  await named.whenSynced();
  assert.deepEqual(subjects, ["weir"]);
  assert.equal(server.podRequests[0]?.headers.authorization, "Bearer from-the-file");

  const unnamed = await watch({});
  await waitUntil(() => unnamed.states()[0]?.lastError, { what: "the refused certificate" });
  assert.match(
    unnamed.states()[0]?.lastError ?? "",
    /Cannot reach the API server at https:.*IP: 127.0.0.1 is not in the cert/,
  );
});

const GOOD = { server: "https://192.0.2.1:6443" };
const REFUSED: readonly (readonly [string, object, RegExp])[] = [
  [
    "an exec plugin",
    config(GOOD, { exec: { command: "login" } }),
    /user "u" logs in by exec, which Weir cannot; use a token/,
  ],
  ["a missing context", { ...config(GOOD, {}), "current-context": "y" }, /it has no context "y"/],
  ["no current context", { clusters: [] }, /current-context must be set/],
  ["a server that is no URL", config({ server: "nowhere" }, {}), /server must be a URL, is "nowhere"/],
  ["a server of another protocol", config({ server: "ftp://x" }, {}), /server must be https or http, is "ftp:\/\/x"/],
  [
    "a certificate without key",
    config(GOOD, { "client-certificate": "x" }),
    /needs a client-certificate and a client-key/,
  ],
  ["a list", [], /it must be a mapping/],
];
for (const [what, content, message] of REFUSED) {
  test(`kubeconfigCredentials() refuses ${what} by name`, async (t) => {
    const directory = new ScratchDirectory();
    t.after(() => directory.remove());
    const file = directory.file("config");
    writeFileSync(file, JSON.stringify(content));
    await assert.rejects(kubeconfigCredentials(file), (error: Error) => {
      return error.name === "KubeconfigError" && error.message.includes(file) && message.test(error.message);
    });
  });
}

test("kubeconfigCredentials() names a file that is missing, and one that is missing later", async (t) => {
  await assert.rejects(
    kubeconfigCredentials("/nonexistent/config"),
    /Cannot read kubeconfig \/nonexistent\/config: ENOENT/,
  );
  const directory = new ScratchDirectory();
  t.after(() => directory.remove());
  const file = directory.file("config");
  writeFileSync(file, JSON.stringify(config(GOOD, { tokenFile: "gone" })));
  const credentials = await kubeconfigCredentials(file, "x");
  await assert.rejects(credentials.read(), /Cannot read credentials: ENOENT.*gone/);
});
