import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { connect, createSecureContext, createServer, type TLSSocket } from "node:tls";
import { CertificateAuthority } from "./certificate-authority.ts";

test("CertificateAuthority.issue() names subject, groups and every address, signed by the authority", () => {
  const authority = new CertificateAuthority("root");
  const names = ["10.99.0.1", "fd00:10::1:2", "::1", "kubernetes.default.svc"];
  const issued = new X509Certificate(
    authority.issue({ commonName: "admin", organization: "system:masters", names }).certificate,
  );
  const root = new X509Certificate(authority.certificate);
  assert.equal(issued.subject, "O=system:masters\nCN=admin");
  assert.equal(issued.issuer, "CN=root");
  assert.equal(
    issued.subjectAltName,
    "IP Address:10.99.0.1, IP Address:FD00:10:0:0:0:0:1:2, IP Address:0:0:0:0:0:0:0:1, DNS:kubernetes.default.svc",
  );
  assert.equal(root.ca, true);
  assert.equal(issued.ca, false);
  assert.equal(issued.checkIssued(root), true);
  assert.equal(issued.verify(root.publicKey), true);
});

test("CertificateAuthority.issue() writes certificates of every length so that OpenSSL reads them", () => {
  const authority = new CertificateAuthority("root");
  for (let length = 1; length <= 96; length++) {
    const { certificate: cert, key } = authority.issue({ commonName: "n".repeat(length) });
    assert.doesNotThrow(() => createSecureContext({ cert, key }), `a name of ${length} characters:\n${cert}`);
  }
});

test("CertificateAuthority.issue() serves both ends of TLS with mutual authentication, and strangers are refused", async (t) => {
  const authority = new CertificateAuthority("root");
  const serving = authority.issue({ commonName: "server", names: ["127.0.0.1"] });
  const server = createServer({
    cert: serving.certificate,
    key: serving.key,
    ca: authority.certificate,
    requestCert: true,
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { certificate: cert, key } = authority.issue({ commonName: "client" });

  const accepted = once(server, "secureConnection") as Promise<[TLSSocket]>;
  const socket = connect({ port, host: "127.0.0.1", ca: authority.certificate, cert, key });
  await once(socket, "secureConnect");
  const [peer] = await accepted;
  assert.equal(peer.authorized, true);
  assert.equal(peer.getPeerCertificate().subject.CN, "client");
  socket.destroy();

  const foreign = connect({ port, host: "127.0.0.1", ca: new CertificateAuthority("root").certificate });
  const [error] = (await once(foreign, "error")) as [Error];
  assert.match(error.message, /certificate/);
});
