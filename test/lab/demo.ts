/**
 * `npm run demo [-- AGENT FLAGS]`: a small shop of pods on two nodes, with traffic and failures, and Weir's live table of it.
 * Ctrl-C ends the agent and removes everything.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ApiServer } from "../rig/api-server.ts";
import { skipWithout } from "../rig/tools.ts";
import { SERVICE_CIDR } from "./addressing.ts";
import { Lab } from "./lab.ts";
import { Shop } from "./shop.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

// The terminal sends Ctrl-C to the agent too: it flushes and ends, and then it is our turn.
let ending = false;
let agent: ReturnType<typeof spawn> | undefined;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    ending = true;
    if (name === "SIGTERM") agent?.kill(name);
  });
}

const reason = skipWithout("kubernetes", "etcd");
if (reason) console.error(`${reason}\nThe demo goes on without an API server: pods are named by their cgroups.`);
const server = reason ? undefined : await ApiServer.start({ serviceCidrs: `${SERVICE_CIDR.v4},${SERVICE_CIDR.v6}` });
try {
  console.error("Opening the shop …");
  await using lab = await Lab.up(server ? { store: server.admin } : {});
  const shop = await Shop.open(lab);
  const identity = server
    ? ["--kubernetes.enabled", "true", "--kubernetes.kubeconfig", server.adminKubeconfig]
    : ["--kubernetes.enabled", "false"];
  if (!ending) {
    agent = spawn(process.execPath, [MAIN, ...identity, ...process.argv.slice(2)], { stdio: "inherit" });
    const code = await new Promise<number>((resolve) => agent?.once("close", (exitCode) => resolve(exitCode ?? 1)));
    process.exitCode = code;
  }
  console.error("Closing the shop …");
  await shop.close();
} finally {
  await server?.stop();
}
