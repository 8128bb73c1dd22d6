import { join } from "node:path";
import type { Lab } from "./lab.ts";
import type { Place } from "./place.ts";
import { LAB_DIRECTORY } from "./prefix.ts";
import type { Program } from "./program.ts";

let started = 0;

/** Starts nginx with the `http` part of its configuration and waits until it listens on `port`. Stop it with SIGTERM. */
export async function startNginx(lab: Lab, place: Place, port: number, http: string): Promise<Program> {
  const name = `nginx-${++started}`;
  // The file must be nginx's alone: it removes what is called its pid file when it ends.
  const pid = join(LAB_DIRECTORY, `${name}.pid`);
  const config = `daemon off; worker_processes 2; pid ${pid}; events {} http { access_log off; ${http} }`;
  const program = place.start(["nginx", "-e", "stderr", "-c", await lab.file(`${name}.conf`, config)]);
  await program.waitForListener(port);
  return program;
}
