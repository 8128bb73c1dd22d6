import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { freePort } from "./free-port.ts";

test("freePort() gives a port below the ephemeral ones that a server can have", async (t) => {
  const [lowestEphemeral] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/).map(Number);
  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    const port = await freePort(host);
    assert.ok(port < (lowestEphemeral ?? 0), `${port} is below ${lowestEphemeral}`);
    const server = createServer().listen({ port, host });
    t.after(() => server.close());
    await once(server, "listening");
  }
});

test("freePort() gives no port twice", async () => {
  // Of 15 000 ports, 300 random ones are all different once in 20 trials.
  const ports = new Set<number>();
  for (let i = 0; i < 300; i++) ports.add(await freePort());
  assert.equal(ports.size, 300);
});

test("freePort() says so when the address is not this machine's", async () => {
  await assert.rejects(freePort("192.0.2.1"), { code: "EADDRNOTAVAIL" });
});
