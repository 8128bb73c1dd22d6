import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the kernel's ephemeral ports (32768 and up) and NodePorts (30000 and up), so that nobody takes a port while its server restarts. */
const LOWEST = 15_000;
const HIGHEST = 29_999;

const given = new Set<number>();

/**
 * A TCP port that nothing listens on at `address` now, another one at each call. Picked at random, so that tests running
 * side by side do not meet.
 */
export async function freePort(address = "127.0.0.1"): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (given.has(port) || !(await bindable(port, address))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`Cannot find a free TCP port on ${address}: 100 random ports in ${LOWEST}-${HIGHEST} are taken`);
}

async function bindable(port: number, host: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host });
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  } finally {
    server.close();
  }
}
