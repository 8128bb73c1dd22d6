import assert from "node:assert/strict";
import { connectPeer, type PeerPlace } from "../lab/peer.ts";
import { waitUntil } from "../rig/wait-until.ts";
import type { Cluster } from "./cluster.ts";
import type { Destination, Journey, Traveller } from "./journeys.ts";
import type { PodPlace } from "./pod-place.ts";
import { REQUEST_BYTES, RESPONSE_BYTES } from "./shop.ts";

/** Makes a journey's connections, and requires of the program that made them that it made them all. */
export async function travel(cluster: Cluster, journey: Journey, peer: string): Promise<void> {
  const { from, to, port, connections } = journey;
  if (from === "report@") return await runReport(cluster, journey, peer);
  const traffic = {
    to: await addressOf(cluster, from, to),
    port,
    count: connections,
    concurrency: 8,
    send: REQUEST_BYTES,
    expect: RESPONSE_BYTES,
  };
  const totals = await connectPeer(await placeOf(cluster, from), traffic);
  const { closed, bytesSent, bytesReceived, failed, shortReads } = totals;
  assert.deepEqual(
    { closed, bytesSent, bytesReceived, failed, shortReads },
    {
      closed: connections,
      bytesSent: connections * REQUEST_BYTES,
      bytesReceived: connections * RESPONSE_BYTES,
      failed: 0,
      shortReads: 0,
    },
    `what the program on ${from} did`,
  );
}

/** A job as the CronJob's controller makes it, with a program of its own. */
async function runReport(cluster: Cluster, { to, port, connections }: Journey, peer: string): Promise<void> {
  assert.ok("dns" in to);
  const job = JSON.parse(
    await cluster.kubectl("-n shop create job --from=cronjob/report report-1 --dry-run=server -o json".split(" ")),
  );
  const flags = `--port ${port} --count ${connections} --send ${REQUEST_BYTES} --expect ${RESPONSE_BYTES}`;
  const resolve = `nslookup -type=a ${to.dns} | sed -n '/^Name/{n;s/Address: //p;}'`;
  const { name, namespace, annotations, ownerReferences } = job.metadata;
  const [container] = job.spec.template.spec.containers;
  container.command = ["sh", "-c", `exec ${peer} connect --to "$(${resolve})" ${flags}`];
  const { template, backoffLimit } = job.spec;
  delete template.metadata;
  const metadata = { name, namespace, annotations, ownerReferences };
  const object = { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template, backoffLimit } };
  await cluster.client.create(object);
  const look = async () => {
    const { status } = (await cluster.client.get(object)) as { status?: { succeeded?: number; failed?: number } };
    if (status?.failed) throw new Error("it failed");
    return status?.succeeded === 1;
  };
  await waitUntil(look, { what: "the CronJob's job", deadlineMs: 60_000, intervalMs: 250 });
}

async function placeOf(cluster: Cluster, from: Traveller): Promise<PeerPlace> {
  if (from === "outside") return cluster.outside;
  return from.includes("@") ? await podAt(cluster, from) : cluster.node(from);
}

async function addressOf(cluster: Cluster, from: Traveller, to: Destination): Promise<string> {
  if ("address" in to) return to.address;
  if ("pod" in to) return (await podAt(cluster, to.pod)).address;
  // A node's own resolver does not know the cluster's names; a pod tells it.
  return await (await podAt(cluster, from.includes("@") ? from : "buyer@n1")).resolve(to.dns);
}

function podAt(cluster: Cluster, place: string): Promise<PodPlace> {
  const [app = "", node] = place.split("@");
  return cluster.pod("shop", app, node);
}
