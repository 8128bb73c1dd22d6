import { setTimeout as delay } from "node:timers/promises";
import { type DualStack, NOBODY, nodeAddress } from "./addressing.ts";
import type { Lab } from "./lab.ts";
import { startNginx } from "./nginx.ts";
import type { Program } from "./program.ts";
import type { Workload, WorkloadSpec } from "./workload.ts";

const NAMESPACE = "shop";
const FRONTEND_NODE_PORT = 30_080;
const PAYMENT_OPEN_MS = 8_000;
const PAYMENT_CLOSED_MS = 2_000;

/**
 * A small shop with steady traffic, and with what goes wrong in one:
 *
 *   loadgen, outside -> frontend -> cart -> redis
 *                                -> checkout -> payment, closed for 2 s of every 10: refused
 *                                            -> legacy, behind a rule that drops: times out
 *   report (CronJob) -> a host that is gone: unreachable
 *   catalog <- mirror: one long download
 */
export class Shop {
  readonly #lab: Lab;
  readonly #programs: Program[] = [];
  readonly #closing = new AbortController();
  #payment: Promise<void> | undefined;

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** Brings all pods and Services up on the lab's two nodes; returns when traffic flows. */
  static async open(lab: Lab): Promise<Shop> {
    const shop = new Shop(lab);
    await shop.#open();
    return shop;
  }

  /** Ends the traffic and waits for its programs. The pods go with the lab. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#payment;
    await Promise.all(this.#programs.map((program) => program.stop()));
  }

  async #open(): Promise<void> {
    const service = async (name: string, port: number, targetPort = port, nodePort?: number): Promise<DualStack> => {
      const ports = [{ port, targetPort, ...(nodePort === undefined ? {} : { nodePort }) }];
      const made = await this.#lab.service({ namespace: NAMESPACE, name, selector: { app: name }, ports });
      return made.clusterIP as DualStack;
    };
    const addresses = {
      frontend: await service("frontend", 80, 8080, FRONTEND_NODE_PORT),
      cart: await service("cart", 80, 8080),
      checkout: await service("checkout", 80, 8080),
      payment: await service("payment", 443, 8443),
      legacy: await service("legacy", 8080),
      redis: await service("redis", 6379),
      catalog: await service("catalog", 80, 8080),
    };
    await this.#openRedis();
    await this.#openCart(addresses.redis);
    await this.#openLegacy();
    await this.#openPayment();
    await this.#openCheckout(addresses.payment, addresses.legacy);
    await this.#openFrontend(addresses.cart, addresses.checkout);
    await this.#openCatalog(addresses.catalog);
    await this.#openLoad(addresses.frontend);
  }

  async #openRedis(): Promise<void> {
    const { pod } = await this.#workload("StatefulSet", "redis", ["n2"]);
    const argv = ["redis-server", "--port", "6379", "--protected-mode", "no", "--save", "", "--bind", "0.0.0.0", "::"];
    const program = this.#keep(pod.start("app", argv));
    await program.waitForListener(6379);
  }

  async #openCart(redis: DualStack): Promise<void> {
    const cart = await this.#workload("Deployment", "cart", ["n1", "n2"], ["app", "session"]);
    for (const pod of cart.pods) {
      await this.#nginx(pod.place, 8080, "server { listen 8080; listen [::]:8080; return 200 cart; }");
      const call = `redis-cli -h ${redis.v4} incr carts`;
      this.#keep(pod.container("session").place.start(repeat(call, 0.2)));
    }
  }

  async #openLegacy(): Promise<void> {
    const { pod } = await this.#workload("Deployment", "legacy", ["n1"]);
    await this.#nginx(pod.place, 8080, "server { listen 8080; return 200 legacy; }");
    await pod.fault({ kind: "drop", port: 8080 });
  }

  async #openPayment(): Promise<void> {
    const { pod } = await this.#workload("Deployment", "payment", ["n2"]);
    const open = () =>
      startNginx(this.#lab, pod.place, 8443, "server { listen 8443; listen [::]:8443; return 200 paid; }");
    const { signal } = this.#closing;
    const pause = (ms: number) => delay(ms, undefined, { signal, ref: false }).catch(() => {});
    const first = await open();
    const openAndClose = async () => {
      let program = first;
      while (!signal.aborted) {
        await pause(PAYMENT_OPEN_MS);
        await program.stop();
        await pause(PAYMENT_CLOSED_MS);
        if (!signal.aborted) program = await open();
      }
      await program.stop();
    };
    this.#payment = openAndClose();
    // Waited for at the end; until then a failure must not end the process.
    this.#payment.catch(() => {});
  }

  async #openCheckout(payment: DualStack, legacy: DualStack): Promise<void> {
    const { pod } = await this.#workload("Deployment", "checkout", ["n1"], ["app", "audit"]);
    await this.#nginx(
      pod.place,
      8080,
      `server { listen 8080; listen [::]:8080; location / { proxy_pass http://[${payment.v6}]:443; } }`,
    );
    const call = [this.#lab.peer, "connect", "--to", legacy.v4, "--port", "8080", "--syn-retries", "1"].join(" ");
    this.#keep(pod.container("audit").place.start(repeat(call, 2)));
  }

  async #openFrontend(cart: DualStack, checkout: DualStack): Promise<void> {
    const frontend = await this.#workload("Deployment", "frontend", ["n1", "n2"]);
    const http = `server {
      listen 8080; listen [::]:8080;
      location / { return 200 shop; }
      location /cart { proxy_pass http://${cart.v4}:80; }
      location /checkout { proxy_pass http://${checkout.v4}:80; }
    }`;
    for (const pod of frontend.pods) await this.#nginx(pod.place, 8080, http);
  }

  async #openCatalog(catalog: DualStack): Promise<void> {
    const images = await this.#lab.file("images", "");
    await this.#lab.nodes[0]?.host.mustRun(["truncate", "-s", "1G", images]);
    const { pod } = await this.#workload("StatefulSet", "catalog", ["n1"]);
    await this.#nginx(
      pod.place,
      8080,
      `server { listen 8080; sendfile on; location / { root ${images.replace("/images", "")}; } }`,
    );
    const mirror = await this.#workload("DaemonSet", "mirror", ["n1", "n2"]);
    const call = `curl -s --limit-rate 300k -o /dev/null http://${catalog.v4}/images`;
    for (const replica of mirror.pods) this.#keep(replica.start("app", repeat(call, 1)));
  }

  async #openLoad(frontend: DualStack): Promise<void> {
    const load = await this.#workload("Deployment", "loadgen", ["n2"]);
    const at = (base: string) => ["/", "/cart", "/checkout"].map((path) => `-o /dev/null ${base}${path}`).join(" ");
    this.#keep(load.pod.start("app", repeat(`curl -s ${at(`http://${frontend.v4}`)}`, 0.1)));
    this.#keep(load.pod.start("app", repeat(`curl -s -g ${at(`http://[${frontend.v6}]`)}`, 0.5)));
    const entrance = `http://${nodeAddress(1).v4}:${FRONTEND_NODE_PORT}`;
    this.#keep(this.#lab.outside.start(repeat(`curl -s ${at(entrance)}`, 0.5)));
    const report = await this.#workload("CronJob", "report", ["n1"]);
    this.#keep(report.pod.start("app", repeat(`curl -s http://${NOBODY.v4}/`, 3)));
  }

  #workload(kind: WorkloadSpec["kind"], name: string, nodes: string[], containers = ["app"]): Promise<Workload> {
    return this.#lab.workload({ kind, namespace: NAMESPACE, name, nodes, containers });
  }

  async #nginx(place: Workload["pod"]["place"], port: number, http: string): Promise<void> {
    this.#keep(await startNginx(this.#lab, place, port, http));
  }

  #keep(program: Program): Program {
    this.#programs.push(program);
    return program;
  }
}

/** Calls a program again and again, whether it succeeds or not, in one shell that ends at once when it is told to. */
function repeat(command: string, pauseSeconds: number): string[] {
  return ["sh", "-c", `while :; do ${command} >/dev/null 2>&1; sleep ${pauseSeconds}; done`];
}
