import type { Connection } from "./kubernetes-client.ts";

/** A kubeconfig with everything inline, as text (JSON, which is YAML); `namespace` is the context's default. */
export function kubeconfig({ url, ca, certificate, key, token }: Connection, namespace = "default"): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const user = {
    ...(certificate === undefined ? {} : { "client-certificate-data": base64(certificate) }),
    ...(key === undefined ? {} : { "client-key-data": base64(key) }),
    ...(token === undefined ? {} : { token }),
  };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: url, "certificate-authority-data": base64(ca) } }],
    users: [{ name: "test", user }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace } }],
    "current-context": "test",
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
