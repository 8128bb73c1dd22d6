import type { SlimEndpointSlice, SlimNode, SlimPod, SlimService } from "../../src/kubernetes/objects.ts";

/** A running bare pod in namespace `shop`, with what the test cares about put in. */
export function pod(fields: Partial<SlimPod> & Pick<SlimPod, "uid">): SlimPod {
  return {
    namespace: "shop",
    name: `pod-${fields.uid}`,
    nodeName: "node-1",
    hostNetwork: false,
    phase: "Running",
    isReady: true,
    deleting: false,
    terminated: false,
    startedSeconds: 0,
    runningSeconds: 0,
    ips: [],
    owner: undefined,
    podTemplateHash: "",
    rolloutTemplateHash: "",
    service: undefined,
    chosen: [],
    containers: [],
    ...fields,
  };
}

/** A pod of a Deployment. */
export function deploymentPod(deployment: string, fields: Partial<SlimPod> & Pick<SlimPod, "uid">): SlimPod {
  return pod({
    owner: { kind: "ReplicaSet", name: `${deployment}-5d4f8`, uid: `rs-${deployment}` },
    podTemplateHash: "5d4f8",
    ...fields,
  });
}

export function service(fields: Partial<SlimService> & Pick<SlimService, "uid" | "name">): SlimService {
  return {
    namespace: "shop",
    type: "ClusterIP",
    clusterIPs: [],
    externalIPs: [],
    loadBalancerIPs: [],
    ports: [{ protocol: "TCP", port: 80, nodePort: 0 }],
    ...fields,
  };
}

/** The slice of a Service in namespace `shop`, with backends `ADDRESS` or `ADDRESS=UID` of a pod. */
export function endpointSlice(
  fields: Partial<SlimEndpointSlice> & Pick<SlimEndpointSlice, "uid" | "serviceName">,
  ...backends: readonly string[]
): SlimEndpointSlice {
  return {
    namespace: "shop",
    backends: backends.map((text) => {
      const [address = "", podUid = ""] = text.split("=");
      return { address, podUid };
    }),
    ports: [{ protocol: "TCP", port: 8080 }],
    ...fields,
  };
}

export function node(fields: Partial<SlimNode> & Pick<SlimNode, "uid" | "name">): SlimNode {
  return { addresses: [], podCIDRs: [], zone: "", region: "", ...fields };
}
