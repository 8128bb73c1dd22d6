import { cgroupMount } from "../lab/cgroup-tree.ts";
import { Place } from "../lab/place.ts";

/** This host, as a place where traffic programs run: its loopback is what the benchmarks load. */
export async function here(): Promise<Place> {
  return new Place("/proc/self/ns/net", await cgroupMount());
}
