import type { Attributes } from "@opentelemetry/api";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { Endpoint, PodDetail } from "../../identity/endpoint.ts";
import { cleanText } from "../../metrics/clean-text.ts";

/** Attribute that names a workload, by its kind. */
const NAME_ATTRIBUTES: Readonly<Record<string, string>> = {
  Deployment: "k8s.deployment.name",
  ReplicaSet: "k8s.replicaset.name",
  StatefulSet: "k8s.statefulset.name",
  DaemonSet: "k8s.daemonset.name",
  Job: "k8s.job.name",
  CronJob: "k8s.cronjob.name",
  Pod: "k8s.pod.name",
  Node: "k8s.node.name",
  Container: "container.name",
  Process: "process.executable.name",
};

/** Attributes of the agent itself, which say nothing about the workloads that it sees. */
const OF_THE_AGENT = /^(service|telemetry|process|container|k8s\.(namespace|pod|container|daemonset|deployment))\./;

/**
 * The resources of spans: a span belongs to the workload whose end it shows. One object for each endpoint, because
 * exporters group spans by it.
 */
export class WorkloadResources {
  readonly #shared: Attributes;
  /** Endpoints are interned, so that a resource goes when its endpoint does. */
  readonly #cache = new WeakMap<Endpoint | PodDetail, Resource>();

  /** `agent` is the agent's own resource: what holds for the cluster and the node is taken over. */
  constructor(agent: Attributes) {
    this.#shared = Object.fromEntries(Object.entries(agent).filter(([key]) => !OF_THE_AGENT.test(key)));
  }

  /** `pod`: which of the workload's pods it is, where that is known. */
  of(endpoint: Endpoint, pod?: PodDetail): Resource {
    const key = pod ?? endpoint;
    let resource = this.#cache.get(key);
    if (resource === undefined) {
      const ofPod = pod === undefined ? {} : podAttributes(endpoint, pod);
      resource = resourceFromAttributes({ ...this.#shared, ...workloadAttributes(endpoint), ...ofPod });
      this.#cache.set(key, resource);
    }
    return resource;
  }
}

function workloadAttributes(endpoint: Endpoint): Attributes {
  const workload = cleanText(endpoint.workload);
  const namespace = cleanText(endpoint.namespace);
  const nameAttribute = NAME_ATTRIBUTES[endpoint.kind];
  return {
    // Receivers skip spans of resources without a service name.
    "service.name": workload === "" ? "unknown" : workload,
    ...(namespace === "" ? {} : { "service.namespace": namespace, "k8s.namespace.name": namespace }),
    ...(nameAttribute === undefined ? {} : { [nameAttribute]: workload }),
  };
}

/** By OpenTelemetry's rules for Kubernetes: what the pod says itself goes before what its workload is called. */
function podAttributes({ namespace }: Endpoint, pod: PodDetail): Attributes {
  const { uid, name, nodeName, container, containerId, serviceName, serviceNamespace, serviceInstanceId } = pod;
  const instance = serviceInstanceId || (container === "" ? "" : `${namespace}.${name}.${container}`);
  const attributes: Attributes = {
    "k8s.pod.name": name,
    "k8s.pod.uid": uid,
    "k8s.node.name": nodeName,
    "k8s.container.name": container,
    "container.id": containerId,
    "service.name": serviceName,
    "service.namespace": serviceNamespace,
    "service.instance.id": instance,
  };
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ""));
}
