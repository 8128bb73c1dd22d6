import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Credentials, inClusterCredentials, SERVICE_ACCOUNT_DIRECTORY } from "./credentials.ts";
import { KubeconfigError, kubeconfigCredentials } from "./kubeconfig.ts";

export interface CredentialsChoice {
  /** `auto`: undefined where none are found; `true`: an error then; `false`: none. */
  readonly enabled: "auto" | boolean;
  /** A file that must be used; else the pod's service account, `$KUBECONFIG`, `~/.kube/config`, in this order. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/**
 * The credentials to use, or undefined to do without a cluster.
 *
 * @throws {KubeconfigError} where a kubeconfig cannot be used, or where credentials must be and there are none.
 */
export async function findCredentials(
  choice: CredentialsChoice,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Credentials | undefined> {
  if (choice.enabled === false) return undefined;
  if (choice.kubeconfig !== undefined) return kubeconfigCredentials(choice.kubeconfig, choice.context);
  if (environment["KUBERNETES_SERVICE_HOST"] && existsSync(join(SERVICE_ACCOUNT_DIRECTORY, "token"))) {
    if (choice.context !== undefined) throw uselessContext(choice.context, "the pod's service account is used");
    return inClusterCredentials(environment);
  }
  // named on purpose: where it cannot be used, that is an error and no reason to do without a cluster
  if (environment["KUBECONFIG"]) return kubeconfigCredentials(environment["KUBECONFIG"], choice.context);
  const file = join(environment["HOME"] ?? "/root", ".kube/config");
  if (existsSync(file)) return kubeconfigCredentials(file, choice.context);
  if (choice.context !== undefined) throw uselessContext(choice.context, `there is no ${file}`);
  if (choice.enabled === "auto") return undefined;
  throw new KubeconfigError(
    `Cannot reach a Kubernetes API server: needs a pod's service account or a kubeconfig, found neither ` +
      `${SERVICE_ACCOUNT_DIRECTORY} nor ${file}; give --kubernetes.kubeconfig, or --kubernetes.enabled=false`,
  );
}

function uselessContext(context: string, why: string): KubeconfigError {
  return new KubeconfigError(
    `Cannot use kubernetes.context ${JSON.stringify(context)}: ${why}; give --kubernetes.kubeconfig, too, or neither`,
  );
}
