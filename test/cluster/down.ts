/** `node test/cluster/down.ts`: removes every trace of a cluster from this host, also of one that was killed. */
import { findLeftovers, removeLeftovers } from "./leftovers.ts";

const found = await findLeftovers();
await removeLeftovers();
console.log(
  `cluster down: ${found.processes.length} processes, ${found.namespaces.length} network namespaces, ${found.cgroups.length} cgroups removed`,
);
