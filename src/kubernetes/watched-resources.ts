import { endpointSlices } from "./endpoint-slices.ts";
import { nodes } from "./nodes.ts";
import { jobs, replicaSets } from "./owners.ts";
import { pods } from "./pods.ts";
import type { Resource } from "./resource.ts";
import { services } from "./services.ts";

/**
 * What Weir watches, all of it in all namespaces. One more resource is one more line here, its two methods in ObjectSink, and
 * its rule in the ClusterRole.
 */
export const WATCHED_RESOURCES: readonly Resource<{ readonly uid: string }>[] = [pods, services, nodes, endpointSlices];

/** Kinds of objects that own pods and are owned themselves: names are less exact without them, and everything else is as it is. */
export interface WatchedOwners {
  readonly jobs: boolean;
  readonly replicaSets: boolean;
}

export function ownerResources(watched: WatchedOwners): readonly Resource<{ readonly uid: string }>[] {
  return [...(watched.jobs ? [jobs] : []), ...(watched.replicaSets ? [replicaSets] : [])];
}
