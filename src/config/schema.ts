import { z } from "zod";
import { cidrsOption } from "./cidr.ts";
import { headersOption } from "./headers.ts";
import { labelKeysOption } from "./label-keys.ts";
import { listenOption } from "./listen-address.ts";
import {
  booleanOption,
  choiceOption,
  durationOption,
  integerOption,
  optionalChoiceOption,
  optionalDurationOption,
  optionalTextOption,
  powerOfTwoSizeOption,
  switchOption,
  textOption,
} from "./option-types.ts";

const flows = z
  .strictObject({
    sweepInterval: durationOption({
      default: "10s",
      min: "100ms",
      max: "10m",
      description: "How often the counters of live connections are read.",
    }),
    drainInterval: durationOption({
      default: "200ms",
      min: "10ms",
      max: "2s",
      description: "How often records of closed connections are taken from the kernel; where many close, sooner.",
    }),
    maxEdges: integerOption({
      default: 2_000,
      min: 1,
      max: 1_000_000,
      unit: "edges",
      description: "Edges held at once. Further ones are counted in one edge whose labels all say overflow.",
    }),
    idleExpiry: durationOption({
      default: "15m",
      min: "1m",
      max: "24h",
      description: "How long an edge without connections stays in the metrics.",
    }),
    maxConnections: integerOption({
      default: 131_072,
      min: 1_024,
      max: 4_194_304,
      unit: "connections",
      description:
        "Live connections held in the kernel. One beyond that reports its totals only when it closes, and is counted as lost until then.",
    }),
    ringSize: powerOfTwoSizeOption({
      default: "4MiB",
      min: "64KiB",
      max: "1GiB",
      description: "The ring buffer between kernel and agent. Records that find it full are counted as lost.",
    }),
    maxBackendLookups: integerOption({
      default: 5_000,
      min: 0,
      max: 100_000,
      unit: "lookups a second",
      description:
        "How often a second the kernel's connection tracking is asked which backend of a Service answered, about 4 us each. Connections beyond that have the Service and no backend; 0 asks never.",
    }),
  })
  .transform(({ sweepInterval, drainInterval, idleExpiry, ringSize, ...rest }) => ({
    ...rest,
    sweepIntervalMs: sweepInterval,
    drainIntervalMs: drainInterval,
    idleExpiryMs: idleExpiry,
    ringSizeBytes: ringSize,
  }));

const kubernetes = z.strictObject({
  enabled: switchOption({
    description: "Whether names come from a Kubernetes API server. With auto: where credentials are found.",
  }),
  kubeconfig: optionalTextOption({
    range: "a path",
    defaultText: "the pod's service account, else $KUBECONFIG, else ~/.kube/config",
    description: "The kubeconfig file with the API server's address and credentials.",
  }),
  context: optionalTextOption({
    range: "a context's name",
    defaultText: "the file's current context",
    description: "The context of the kubeconfig file.",
  }),
  jobs: booleanOption({
    default: true,
    description:
      "Watches the metadata of Jobs, so that pods of a CronJob are named after it and not after each of its Jobs.",
  }),
  serviceLabels: booleanOption({
    default: false,
    description:
      "Whether the pods' labels app.kubernetes.io/instance and app.kubernetes.io/name name their service on spans, where no annotation resource.opentelemetry.io/service.name does.",
  }),
  replicaSets: booleanOption({
    default: false,
    description:
      "Watches the metadata of ReplicaSets, for the pods of custom owners of ReplicaSets. Deployments and Argo Rollouts are known without.",
  }),
});

const labels = z.strictObject({
  zone: booleanOption({
    default: false,
    description: "Labels client_zone and server_zone: the zones of both ends' nodes.",
  }),
  region: booleanOption({ default: false, description: "Labels client_region and server_region." }),
  node: booleanOption({
    default: false,
    description: "Labels client_node and server_node: the names of both ends' nodes.",
  }),
  pod: booleanOption({
    default: false,
    description: "Labels client_pod and server_pod. Every pod then has edges of its own: see flows.maxEdges.",
  }),
  podLabels: labelKeysOption({
    description:
      "Labels client_NAME and server_NAME with the value of the pods' label KEY. At most 1000 values of each are told apart.",
  }),
  podAnnotations: labelKeysOption({
    description: "Likewise for the pods' annotations. Only those that are chosen are kept in memory.",
  }),
  externalAddresses: integerOption({
    default: 0,
    min: 0,
    max: 100_000,
    unit: "addresses",
    description:
      "Labels client_address and server_address for so many addresses outside the cluster; further ones are (other). 0: no such labels.",
  }),
});

const external = z.strictObject({
  cidrs: cidrsOption({
    description: "Names for address ranges outside the cluster. The longest prefix wins.",
  }),
});

const otlp = z
  .strictObject({
    endpoint: optionalTextOption({
      range: "a URL, http:// or https://",
      defaultText: "OTEL_EXPORTER_OTLP_ENDPOINT and its kin; without any of them nothing is sent",
      description: "The OTLP receiver. With http/protobuf, /v1/metrics and /v1/traces are appended.",
    }).refine((url) => url === undefined || /^https?:\/\/[^\s/]/.test(url), {
      error: "needs a URL, http:// or https://",
    }),
    protocol: optionalChoiceOption({
      words: ["grpc", "http/protobuf"],
      defaultText: "OTEL_EXPORTER_OTLP_PROTOCOL, else http/protobuf",
      description: "How to speak to the receiver.",
    }),
    interval: optionalDurationOption({
      min: "1s",
      max: "1h",
      defaultText: "OTEL_METRIC_EXPORT_INTERVAL, else 60s",
      description: "How often metrics are sent.",
    }),
    temporality: optionalChoiceOption({
      words: ["cumulative", "delta"],
      defaultText: "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE, else cumulative",
      description: "Whether counters are sent as totals or as differences.",
    }),
    headers: headersOption({
      defaultText: "OTEL_EXPORTER_OTLP_HEADERS",
      description: "Headers of each request, such as credentials.",
    }),
  })
  .transform(({ interval, ...rest }) => ({ ...rest, intervalMs: interval }));

const spans = z.strictObject({
  failed: booleanOption({ default: true, description: "Sends a span for each connection that failed, if OTLP is on." }),
  closed: booleanOption({ default: false, description: "Sends a span for each connection that closed well, too." }),
});

const host = z.strictObject({
  proc: textOption({ default: "/proc", range: "a path", description: "Where the host's proc is mounted." }),
});

/** Everything that can be configured: the one source of the file's format, of variables, flags, help and documentation. */
export const configSchema = z.strictObject({
  listen: listenOption({
    default: "127.0.0.1:9464",
    description: "Where /metrics, /healthz and /readyz are served. Port 0 takes any free one.",
  }),
  logLevel: choiceOption({
    words: ["debug", "info", "warn", "error"],
    default: "info",
    description: "The least severe messages that are logged.",
  }),
  nodeName: optionalTextOption({
    range: "a node's name",
    defaultText: "NODE_NAME, else the host name",
    description: "This node's name, as the API server knows it.",
  }),
  podUid: optionalTextOption({
    range: "a pod's UID",
    defaultText: "POD_UID; without it, no other agent is known of, and each counts every connection that it sees",
    description:
      "The agent's own pod. The other pods of its workload are the agents that count the connections of clients on their nodes.",
  }),
  flows: flows.prefault({}),
  kubernetes: kubernetes.prefault({}),
  external: external.prefault({}),
  labels: labels.prefault({}),
  otlp: otlp.prefault({}),
  spans: spans.prefault({}),
  bpfStatistics: booleanOption({
    default: false,
    description:
      "Measures the run time of Weir's own BPF programs (the kernel's bpf_stats, which costs every program a little).",
  }),
  host: host.prefault({}),
});

/** The checked configuration. Durations are in milliseconds and sizes in bytes, as the names say. */
export type Config = Omit<z.output<typeof configSchema>, "nodeName" | "podUid"> & {
  readonly nodeName: string;
  /** Empty where it is not known. */
  readonly podUid: string;
};
