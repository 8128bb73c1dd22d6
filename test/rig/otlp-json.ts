/** An attribute's value in plain JavaScript. Integers are numbers: tests stay below 2^53. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };
export type Attributes = Readonly<Record<string, AttributeValue>>;

interface Origin {
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
  readonly attributes: Attributes;
}

/** One data point with everything around it. Fields that its type lacks are undefined. */
export interface MetricPoint extends Origin {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly type: "sum" | "gauge" | "histogram" | "exponentialHistogram" | "summary";
  readonly monotonic: boolean | undefined;
  readonly temporality: "delta" | "cumulative" | undefined;
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
  /** Of sums and gauges. */
  readonly value: number | undefined;
  /** Of histograms and summaries. */
  readonly count: number | undefined;
  readonly sum: number | undefined;
  readonly bucketCounts: readonly number[] | undefined;
  readonly explicitBounds: readonly number[] | undefined;
}

/** One span with everything around it. */
export interface Span extends Origin {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where there is none. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly status: { readonly code: "unset" | "ok" | "error"; readonly message: string };
  readonly events: readonly { readonly name: string; readonly timeUnixNano: bigint; readonly attributes: Attributes }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }[];
}

const TYPES = ["sum", "gauge", "histogram", "exponentialHistogram", "summary"] as const;
const TEMPORALITIES = [undefined, "delta", "cumulative"] as const;
const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
const STATUSES = ["unset", "ok", "error"] as const;

/** All points of metrics requests in OTLP's JSON encoding, one request per line, in their order. */
export function parseMetrics(lines: string): MetricPoint[] {
  return requests(lines).flatMap(
    (request) => (request["resourceMetrics"] as Json[] | undefined)?.flatMap(pointsOfResource) ?? [],
  );
}

/** All spans of trace requests in OTLP's JSON encoding, one request per line, in their order. */
export function parseSpans(lines: string): Span[] {
  return requests(lines).flatMap(
    (request) => (request["resourceSpans"] as Json[] | undefined)?.flatMap(spansOfResource) ?? [],
  );
}

/** OTLP's JSON leaves out what is zero or empty, so any field may be undefined. */
// biome-ignore lint/suspicious/noExplicitAny: the shapes are the protocol's; giving each of them a type would repeat its schema
type Json = Record<string, any>;

/** A last line without its newline is still being written. */
function requests(lines: string): Json[] {
  const complete = lines.slice(0, lines.lastIndexOf("\n") + 1);
  return complete
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Json);
}

function pointsOfResource(entry: Json): MetricPoint[] {
  return list(entry["scopeMetrics"]).flatMap((scoped) =>
    list(scoped["metrics"]).flatMap((metric) => {
      const type = TYPES.find((candidate) => metric[candidate] !== undefined);
      if (!type)
        throw new Error(
          `Cannot read metric "${metric["name"]}": no known type among ${Object.keys(metric).join(", ")}`,
        );
      const data: Json = metric[type];
      return list(data["dataPoints"]).map((point) => ({
        ...origin(entry, scoped, point),
        name: metric["name"],
        description: metric["description"] ?? "",
        unit: metric["unit"] ?? "",
        type,
        monotonic: type === "sum" ? (data["isMonotonic"] ?? false) : undefined,
        temporality: TEMPORALITIES[data["aggregationTemporality"] ?? 0],
        startTimeUnixNano: BigInt(point["startTimeUnixNano"] ?? 0),
        timeUnixNano: BigInt(point["timeUnixNano"] ?? 0),
        value: number(point["asInt"] ?? point["asDouble"]),
        count: number(point["count"]),
        sum: number(point["sum"]),
        bucketCounts: point["bucketCounts"]?.map(Number),
        explicitBounds: point["explicitBounds"],
      }));
    }),
  );
}

function spansOfResource(entry: Json): Span[] {
  return list(entry["scopeSpans"]).flatMap((scoped) =>
    list(scoped["spans"]).map((span) => ({
      ...origin(entry, scoped, span),
      traceId: span["traceId"],
      spanId: span["spanId"],
      parentSpanId: span["parentSpanId"] ?? "",
      traceState: span["traceState"] ?? "",
      name: span["name"] ?? "",
      kind: KINDS[span["kind"] ?? 0] ?? "unspecified",
      startTimeUnixNano: BigInt(span["startTimeUnixNano"] ?? 0),
      endTimeUnixNano: BigInt(span["endTimeUnixNano"] ?? 0),
      status: { code: STATUSES[span["status"]?.code ?? 0] ?? "unset", message: span["status"]?.message ?? "" },
      events: list(span["events"]).map((event) => ({
        name: event["name"] ?? "",
        timeUnixNano: BigInt(event["timeUnixNano"] ?? 0),
        attributes: attributes(event["attributes"]),
      })),
      links: list(span["links"]).map((link) => ({
        traceId: link["traceId"],
        spanId: link["spanId"],
        attributes: attributes(link["attributes"]),
      })),
    })),
  );
}

function origin(entry: Json, scoped: Json, record: Json): Origin {
  return {
    resource: attributes(entry["resource"]?.attributes),
    scope: { name: scoped["scope"]?.name ?? "", version: scoped["scope"]?.version ?? "" },
    attributes: attributes(record["attributes"]),
  };
}

function attributes(pairs: Json[] | undefined): Attributes {
  return Object.fromEntries(list(pairs).map(({ key, value }) => [key, attributeValue(value)]));
}

function attributeValue(value: Json | undefined): AttributeValue {
  if (value?.["intValue"] !== undefined) return Number(value["intValue"]);
  if (value?.["arrayValue"] !== undefined) return list(value["arrayValue"].values).map(attributeValue);
  if (value?.["kvlistValue"] !== undefined) return attributes(value["kvlistValue"].values);
  return value?.["stringValue"] ?? value?.["boolValue"] ?? value?.["doubleValue"] ?? value?.["bytesValue"] ?? null;
}

function list(value: Json[] | undefined): Json[] {
  return value ?? [];
}

/** 64-bit integers are strings in OTLP's JSON; an empty histogram's count is left out by some senders, and stays undefined. */
function number(value: string | number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
