import type { PodEntry } from "./directory-entries.ts";
import type { PodDetail } from "./endpoint.ts";
import { labelName } from "./label-name.ts";

/** Gives each container of a pod one `PodDetail`, for as long as nothing of it changes. */
export class PodDetails {
  /** By container id and workload. */
  readonly #details = new WeakMap<PodEntry, Map<string, PodDetail>>();

  of(pod: PodEntry, containerId: string): PodDetail {
    let details = this.#details.get(pod);
    if (details === undefined) {
      details = new Map();
      this.#details.set(pod, details);
    }
    const key = `${containerId}/${pod.endpoint.kind}/${pod.endpoint.workload}`;
    const known = details.get(key);
    const now = detailOf(pod, containerId);
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(now)) return known;
    // Restarted containers have new ids.
    if (known === undefined && details.size > pod.containers.length) details.clear();
    details.set(key, now);
    return now;
  }
}

function detailOf({ uid, name, nodeName, containers, service }: PodEntry, containerId: string): PodDetail {
  return {
    ...{ uid, name, nodeName, containerId },
    container: containers.find(({ id }) => id === containerId && id !== "")?.name ?? "",
    serviceName: labelName(service?.name ?? ""),
    serviceNamespace: labelName(service?.namespace ?? ""),
    serviceInstanceId: labelName(service?.instanceId ?? ""),
  };
}
