import { OPTIONS, type Option } from "../../src/config/option.ts";

/** Examples for settings whose default is nothing, or is worked out. */
const EXAMPLES: Readonly<Record<string, string>> = {
  nodeName: "worker-3",
  "kubernetes.kubeconfig": "/etc/weir/kubeconfig",
  "kubernetes.context": "production",
  "external.cidrs": "[{ cidr: 10.20.0.0/16, name: warehouse }]",
  "otlp.endpoint": "http://collector.observability:4317",
  "otlp.protocol": "grpc",
  "otlp.interval": "60s",
  "otlp.temporality": "cumulative",
  "labels.podLabels": "{ team: example.com/team }",
  "labels.podAnnotations": "{ cost_centre: example.com/cost-centre }",
  "otlp.headers": "{ authorization: Bearer TOKEN }",
};

/** An example of the configuration file: every key with its default, or an example, commented out. */
export function exampleYaml(): string {
  const lines = [
    "# yaml-language-server: $schema=weir.schema.json",
    "#",
    "# Every setting of Weir. What is commented out shows the default; where there is none, an example.",
    "# A flag wins over a WEIR_* variable, and a variable over this file. Durations are written as 250ms, 10s or 15m,",
    "# sizes as 8MiB.",
  ];
  let section = "";
  for (const option of OPTIONS) {
    const [first = "", key] = option.path.split(".");
    if (key !== undefined && first !== section) lines.push("", `${first}:`);
    section = key === undefined ? "" : first;
    const indent = key === undefined ? "" : "  ";
    lines.push(...comment(option, indent), `${indent}# ${key ?? first}: ${exampleOf(option)}`);
  }
  return `${lines.join("\n")}\n`;
}

function comment({ description, range, defaultText, path }: Option, indent: string): string[] {
  const facts = path in EXAMPLES ? `Range: ${range}. Default: ${defaultText}.` : `Range: ${range}.`;
  const blank = indent === "" ? [""] : [];
  return [...blank, `${indent}# ${description}`, `${indent}# ${facts}`];
}

/** As YAML: a default that begins with a digit and holds a colon needs no quotes, so all stand as they are. */
function exampleOf({ path, defaultText }: Option): string {
  return EXAMPLES[path] ?? defaultText;
}
