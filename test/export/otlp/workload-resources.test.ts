import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkloadResources } from "../../../src/export/otlp/workload-resources.ts";

const WEB = { kind: "Deployment", namespace: "shop", workload: "web" };
const POD = {
  ...{ uid: "u-1", name: "web-5d4f8-x", nodeName: "n1", container: "app", containerId: "id-1" },
  ...{ serviceName: "", serviceNamespace: "", serviceInstanceId: "" },
};

test("WorkloadResources.of() names a pod's service by OpenTelemetry's rules", () => {
  const resources = new WorkloadResources({ "k8s.cluster.name": "c", "service.name": "weir" });
  assert.deepEqual(resources.of(WEB, POD).attributes, {
    "k8s.cluster.name": "c",
    "service.name": "web",
    "service.namespace": "shop",
    "service.instance.id": "shop.web-5d4f8-x.app",
    "k8s.namespace.name": "shop",
    "k8s.deployment.name": "web",
    "k8s.pod.name": "web-5d4f8-x",
    "k8s.pod.uid": "u-1",
    "k8s.node.name": "n1",
    "k8s.container.name": "app",
    "container.id": "id-1",
  });
  const says = { ...POD, serviceName: "checkout", serviceNamespace: "retail", serviceInstanceId: "i-7" };
  const { attributes } = resources.of(WEB, says);
  assert.deepEqual(
    ["service.name", "service.namespace", "service.instance.id"].map((key) => attributes[key]),
    ["checkout", "retail", "i-7"],
  );
  const unknownContainer = resources.of(WEB, { ...POD, container: "", containerId: "" }).attributes;
  assert.equal("service.instance.id" in unknownContainer, false);
  assert.equal(resources.of(WEB, POD), resources.of(WEB, POD), "exporters group spans by the object");
  assert.equal("k8s.pod.name" in resources.of(WEB).attributes, false);
});
