import type { ConfigProblem } from "./config-error.ts";
import { didYouMean } from "./nearest.ts";
import { OPTIONS } from "./option.ts";
import { type Setting, settingValue } from "./setting.ts";

/** Names and values that Kubernetes adds to every pod of a namespace with a Service called `weir` or `weir-…`. */
const SERVICE_LINKS: readonly (readonly [name: RegExp, value: RegExp])[] = [
  [/^WEIR_(\w+_)?SERVICE_HOST$/, /^[0-9a-f:.]+$/i],
  [/^WEIR_(\w+_)?SERVICE_PORT(_\w+)?$/, /^\d+$/],
  [/^WEIR_(\w+_)?PORT(_\d+_(TCP|UDP|SCTP))?$/, /^(tcp|udp|sctp):\/\//],
  [/^WEIR_(\w+_)?PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)$/, /./],
];

/** The test run's own variables, which an agent under test inherits. */
const TEST_PREFIX = "WEIR_TEST_";

/** Reads the `WEIR_*` variables. An unknown one is a problem; an empty one counts as not set. */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>, problems: ConfigProblem[]) {
  const byVariable = new Map(OPTIONS.map((option) => [option.variable, option]));
  const settings: Setting[] = [];
  for (const [name, value = ""] of Object.entries(environment)) {
    if (!name.startsWith("WEIR_") || name.startsWith(TEST_PREFIX) || isServiceLink(name, value)) continue;
    const option = byVariable.get(name);
    const source = `environment ${name}`;
    if (option === undefined) {
      problems.push({ source, message: `unknown variable${didYouMean(name, byVariable.keys())}` });
    } else if (value !== "") {
      settings.push({ path: option.path, value: settingValue(option, value), source });
    }
  }
  return settings;
}

function isServiceLink(name: string, value: string): boolean {
  return SERVICE_LINKS.some(([names, values]) => names.test(name) && values.test(value));
}
