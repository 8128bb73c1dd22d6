import { endpointSlices } from "./endpoint-slices.ts";
import { nodes } from "./nodes.ts";
import { jobs, replicaSets } from "./owners.ts";
import type { PodSelection } from "./pod-selection.ts";
import { pods, podsWith } from "./pods.ts";
import type { Resource } from "./resource.ts";
import { services } from "./services.ts";

/**
 * What Weir watches, all of it in all namespaces. One more resource is one more line here, its two methods in ObjectSink, and
 * its rule in the ClusterRole.
 */
export const WATCHED_RESOURCES: readonly Resource<{ readonly uid: string }>[] = [pods, services, nodes, endpointSlices];

/** The same, with what was chosen of pods besides. */
export function watchedResources(selection: PodSelection): readonly Resource<{ readonly uid: string }>[] {
  return WATCHED_RESOURCES.map((resource) => (resource === pods ? podsWith(selection) : resource));
}

/** Kinds of objects that own pods and are owned themselves: names are less exact without them, and everything else is as it is. */
export interface WatchedOwners {
  readonly jobs: boolean;
  readonly replicaSets: boolean;
}

export function ownerResources(watched: WatchedOwners): readonly Resource<{ readonly uid: string }>[] {
  return [...(watched.jobs ? [jobs] : []), ...(watched.replicaSets ? [replicaSets] : [])];
}
