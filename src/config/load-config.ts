import type { z } from "zod";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { readEnvironment } from "./environment.ts";
import { readFile } from "./file.ts";
import type { Flags } from "./flags.ts";
import { didYouMean } from "./nearest.ts";
import { isOtlpRequested } from "./otlp-request.ts";
import { type Config, configSchema } from "./schema.ts";
import type { Setting } from "./setting.ts";
import { findVoidSettings } from "./void-settings.ts";

/** Read where no `--config` is given, if it exists. */
export const DEFAULT_CONFIG_FILE = "/etc/weir/weir.yaml";

/** Where settings come from. */
export interface ConfigSources {
  readonly flags: Flags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  /** Reads a text file; throws with `code: "ENOENT"` where there is none, as `readFileSync` does. */
  readonly readFile: (path: string) => string;
}

/**
 * The configuration: flags before `WEIR_*` variables before the file before defaults.
 * Throws a `ConfigError` with everything that is wrong.
 */
export function loadConfig(sources: ConfigSources): Config {
  const problems = [...sources.flags.problems];
  const settings = new Map<string, Setting>();
  const layers = [
    settingsOfFile(sources, problems),
    readEnvironment(sources.environment, problems),
    sources.flags.settings,
  ];
  for (const layer of layers) {
    for (const setting of layer) settings.set(setting.path, setting);
  }

  const parsed = configSchema.safeParse(treeOf(settings.values()));
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(problemOf(issue, settings));
    throw new ConfigError(problems);
  }
  const otlpRequested = isOtlpRequested(parsed.data.otlp.endpoint, sources.environment);
  problems.push(...findVoidSettings(parsed.data, settings, otlpRequested));
  if (problems.length > 0) throw new ConfigError(problems);
  const { NODE_NAME, POD_UID } = sources.environment;
  return {
    ...parsed.data,
    nodeName: parsed.data.nodeName ?? (NODE_NAME || sources.hostname),
    podUid: parsed.data.podUid ?? (POD_UID || ""),
  };
}

function settingsOfFile(sources: ConfigSources, problems: ConfigProblem[]): Setting[] {
  const path = sources.flags.configFile ?? DEFAULT_CONFIG_FILE;
  let text: string;
  try {
    text = sources.readFile(path);
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (!absent || sources.flags.configFile !== undefined) {
      problems.push({ source: path, message: `Cannot read the configuration: ${(error as Error).message}` });
    }
    return [];
  }
  return readFile(text, path, problems);
}

/** `flows.sweepInterval` becomes `{ flows: { sweepInterval } }`. */
function treeOf(settings: Iterable<Setting>): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const { path, value } of settings) {
    const [section = "", key] = path.split(".");
    if (key === undefined) tree[section] = value;
    else tree[section] = { ...(tree[section] as object | undefined), [key]: value };
  }
  return tree;
}

function problemOf(issue: z.core.$ZodIssue, settings: ReadonlyMap<string, Setting>): ConfigProblem {
  const keys = issue.path.map(String);
  const setting = settings.get(keys.slice(0, 2).join(".")) ?? settings.get(keys[0] ?? "");
  const source = setting?.source ?? "configuration";
  const path = keys.join(".");
  if (issue.code === "unrecognized_keys") {
    const named = issue.keys.map((key) => `${path}.${key}${didYouMean(key, ["cidr", "name"])}`);
    return { source, message: `unknown key ${named.join(", ")}` };
  }
  const inner = issue.path.slice(setting?.path.split(".").length ?? 0);
  const value = inner.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    setting?.value,
  );
  // A header's value may be a credential: it never appears in a message.
  const shown = setting?.path === "otlp.headers" ? "the given value" : (JSON.stringify(value) ?? "nothing");
  return { source, message: `Cannot use ${shown} as ${path}: ${reasonOf(issue)}` };
}

/** A map's bad key hides its reason one level down. */
function reasonOf(issue: z.core.$ZodIssue): string {
  return issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}
