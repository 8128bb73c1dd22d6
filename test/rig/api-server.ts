import { writeFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { CertificateAuthority, type CertificateRequest, type Credential, signingKey } from "./certificate-authority.ts";
import { Etcd } from "./etcd.ts";
import { freePort } from "./free-port.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { KubernetesClient } from "./kubernetes-client.ts";
import { Process } from "./process.ts";
import { ScratchDirectory } from "./scratch-directory.ts";
import { toolPath } from "./tools.ts";

export interface ApiServerOptions {
  /**
   * Where it listens, default `127.0.0.1`. `0.0.0.0` makes it reachable from network namespaces that have a route to an address of
   * this one; name those addresses in `addresses`.
   */
  readonly bindAddress?: string;
  /** Further IP addresses or host names for its certificate: what others will dial. `127.0.0.1` and `localhost` are always in it. */
  readonly addresses?: readonly string[];
  /** Address that the Service `default/kubernetes` gets as its endpoint; none by default. Must not be loopback. */
  readonly advertiseAddress?: string;
  /** Default `10.96.0.0/16,fd00:10:96::/112`. */
  readonly serviceCidrs?: string;
  /** Such as `{ WatchList: false }`. */
  readonly featureGates?: Readonly<Record<string, boolean>>;
  /**
   * A controller manager and kubelets are around it: pods need ServiceAccounts, nodes may touch only what is theirs, and kubelets are
   * asked for logs and told to run programs. Default false.
   */
  readonly wholeCluster?: boolean;
}

/** Keys and tokens. */
const OWNER_ONLY = { mode: 0o600 };

/** Nobody makes the `default` ServiceAccounts that this plugin insists on. */
const NO_CONTROLLERS = ["--disable-admission-plugins=ServiceAccount"];

/**
 * A real kube-apiserver with its own etcd, RBAC on. By default there is no controller manager and no scheduler, so nothing happens to
 * objects by itself: write pods with `nodeName` and status, ReplicaSets and EndpointSlices by hand. Pods need no ServiceAccount to exist.
 * The roles `view`, `edit` and `admin` are empty for the same reason, and a new binding takes a moment to reach the authorizer.
 */
export class ApiServer {
  /** For this machine: `https://127.0.0.1:PORT`. See `urlAt()` for others. */
  readonly url: string;
  readonly port: number;
  /** The authority that signed the serving certificate, PEM. */
  readonly ca: string;
  /** As `system:masters`. */
  readonly admin: KubernetesClient;
  /** Path of the administrator's kubeconfig. */
  readonly adminKubeconfig: string;
  /** Path of `ca`. */
  readonly caFile: string;
  /** Path of the key that signs the tokens of ServiceAccounts. */
  readonly tokenKeyFile: string;
  readonly #authority: CertificateAuthority;
  readonly #directory: ScratchDirectory;
  readonly #etcd: Etcd;
  readonly #command: readonly [string, ...string[]];
  #process: Process | undefined;

  /** Returns when `/readyz` says so, after 3 to 8 seconds. Builds the programs first where that was never done. */
  static async start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const program = await toolPath("kubernetes", "kube-apiserver");
    const directory = new ScratchDirectory();
    let etcd: Etcd | undefined;
    try {
      etcd = await Etcd.start(directory);
      const port = await freePort(options.bindAddress);
      const server = new ApiServer(program, directory, etcd, port, options);
      await server.restart();
      return server;
    } catch (error) {
      await etcd?.process.kill();
      directory.remove();
      throw error;
    }
  }

  private constructor(
    program: string,
    directory: ScratchDirectory,
    etcd: Etcd,
    port: number,
    options: ApiServerOptions,
  ) {
    const { bindAddress = "127.0.0.1", addresses = [], advertiseAddress } = options;
    const { serviceCidrs = "10.96.0.0/16,fd00:10:96::/112", featureGates = {} } = options;
    const anywhere = bindAddress === "0.0.0.0" || bindAddress === "::";
    this.#directory = directory;
    this.#etcd = etcd;
    this.port = port;
    this.url = `https://${hostPart(anywhere ? "127.0.0.1" : bindAddress)}:${port}`;

    const authority = new CertificateAuthority("weir-test");
    this.#authority = authority;
    this.caFile = directory.file("ca.crt");
    this.tokenKeyFile = directory.file("tokens.key");
    this.ca = authority.certificate;
    const names = [
      "127.0.0.1",
      "localhost",
      "kubernetes.default.svc",
      ...addresses,
      ...(anywhere ? [] : [bindAddress]),
    ];
    const serving = authority.issue({ commonName: "kube-apiserver", names: [...new Set(names)] });
    const tokens = signingKey();
    writeFileSync(this.caFile, authority.certificate);
    writeFileSync(directory.file("server.crt"), serving.certificate);
    writeFileSync(directory.file("server.key"), serving.key, OWNER_ONLY);
    writeFileSync(directory.file("tokens.pub"), tokens.publicKey);
    writeFileSync(this.tokenKeyFile, tokens.privateKey, OWNER_ONLY);

    const admin = {
      url: this.url,
      ca: this.ca,
      ...authority.issue({ commonName: "admin", organization: "system:masters" }),
    };
    this.admin = new KubernetesClient(admin);
    this.adminKubeconfig = directory.file("admin.kubeconfig");
    writeFileSync(this.adminKubeconfig, kubeconfig(admin), OWNER_ONLY);

    // An address is always given: without one the server looks for a default route, which namespaces and build machines may lack.
    const endpoint =
      advertiseAddress === undefined
        ? ["--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none"]
        : [`--advertise-address=${advertiseAddress}`];
    this.#command = [
      program,
      `--etcd-servers=${etcd.url}`,
      `--bind-address=${bindAddress}`,
      `--secure-port=${port}`,
      ...endpoint,
      `--cert-dir=${directory.file("generated")}`,
      `--tls-cert-file=${directory.file("server.crt")}`,
      `--tls-private-key-file=${directory.file("server.key")}`,
      `--client-ca-file=${directory.file("ca.crt")}`,
      "--authorization-mode=Node,RBAC",
      ...(options.wholeCluster ? this.#kubeletFlags() : NO_CONTROLLERS),
      "--allow-privileged=true",
      `--service-cluster-ip-range=${serviceCidrs}`,
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      `--service-account-key-file=${directory.file("tokens.pub")}`,
      `--service-account-signing-key-file=${this.tokenKeyFile}`,
      "--shutdown-delay-duration=0s",
      "--shutdown-watch-termination-grace-period=0s",
      "--profiling=false",
      ...Object.entries(featureGates).map(([gate, on]) => `--feature-gates=${gate}=${on}`),
    ];
  }

  /** A kubeconfig file for whoever a client certificate says, such as `system:kube-scheduler`; `address` is one of the `addresses`. */
  certificateKubeconfig(request: CertificateRequest, address?: string): string {
    const path = this.#directory.file(`${request.commonName.replaceAll(":", ".")}.kubeconfig`);
    const url = address === undefined ? this.url : this.urlAt(address);
    writeFileSync(path, kubeconfig({ url, ca: this.ca, ...this.#authority.issue(request) }), OWNER_ONLY);
    return path;
  }

  #kubeletFlags(): string[] {
    const client = this.#authority.issue({ commonName: "kube-apiserver", organization: "system:masters" });
    writeFileSync(this.#directory.file("kubelet-client.crt"), client.certificate);
    writeFileSync(this.#directory.file("kubelet-client.key"), client.key, OWNER_ONLY);
    return [
      "--enable-admission-plugins=NodeRestriction",
      `--kubelet-client-certificate=${this.#directory.file("kubelet-client.crt")}`,
      `--kubelet-client-key=${this.#directory.file("kubelet-client.key")}`,
      "--kubelet-preferred-address-types=InternalIP",
    ];
  }

  /** The URL from elsewhere, through one of the `addresses`. */
  urlAt(address: string): string {
    return `https://${hostPart(address)}:${this.port}`;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** What kube-apiserver wrote, all runs. */
  log(): string {
    return this.#process?.log() ?? "";
  }

  /** Stops it where it runs, starts it again with the same data, port and certificates, and waits until it is ready. */
  async restart(): Promise<void> {
    await this.#process?.stop();
    this.#forgetConnections();
    const process = await Process.start({
      command: this.#command,
      logFile: this.#directory.file("kube-apiserver.log"),
    });
    this.#process = process;
    try {
      const ready = async () => (await this.admin.send("GET", "/readyz")).status === 200;
      await process.waitUntil(ready, { what: "the API server's /readyz", deadlineMs: 90_000, intervalMs: 50 });
    } catch (error) {
      await process.kill();
      throw error;
    }
  }

  /** SIGKILL, and etcd stays: what clients see is a refused connection. `restart()` brings it back. */
  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#forgetConnections();
  }

  /** They are dead, but where this process is slow to hear of that, the next request would take one of them. */
  #forgetConnections(): void {
    this.admin.close();
  }

  /** A client certificate and its key. */
  issue(commonName: string, organization?: string): Credential {
    return this.#authority.issue({ commonName, ...(organization === undefined ? {} : { organization }) });
  }

  /**
   * A kubeconfig file for a ServiceAccount, which is made when it is missing, with a token as pods get them.
   * It may do nothing until a binding says so.
   */
  async serviceAccountKubeconfig(namespace: string, name: string, address?: string): Promise<string> {
    const token = await this.serviceAccountToken(namespace, name);
    const url = address === undefined ? this.url : this.urlAt(address);
    const path = this.#directory.file(`${namespace}.${name}.kubeconfig`);
    writeFileSync(path, kubeconfig({ url, ca: this.ca, token }, namespace), OWNER_ONLY);
    return path;
  }

  /** A token of a ServiceAccount, which is made when it is missing. The server's shortest lifetime is 600 s. */
  async serviceAccountToken(namespace: string, name: string, expirationSeconds = 3_600): Promise<string> {
    await this.admin.apply([{ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name } }]);
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds } };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    return ((await this.admin.request("POST", path, request)) as { status: { token: string } }).status.token;
  }

  /** Ends both processes and removes every file. The second call does nothing. */
  async stop(): Promise<void> {
    this.admin.close();
    // Nothing is worth keeping, so nobody is asked politely.
    await Promise.all([this.#process?.kill(), this.#etcd.process.kill()]);
    this.#directory.remove();
  }
}

function hostPart(address: string): string {
  return address.includes(":") && !isIPv4(address) ? `[${address}]` : address;
}
