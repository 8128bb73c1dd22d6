import { createRequire } from "node:module";
import type { Node } from "yaml";
import type { ConfigProblem } from "./config-error.ts";
import { didYouMean } from "./nearest.ts";
import { OPTIONS } from "./option.ts";
import type { Setting } from "./setting.ts";

const require = createRequire(import.meta.url);

/**
 * Reads the settings of a YAML file's `text`; `name` is how messages call the file.
 * Unknown keys, keys given twice and anything that is not YAML are problems.
 */
export function readFile(text: string, name: string, problems: ConfigProblem[]): Setting[] {
  // only where there is a file: the parser is 3.5 MB of memory
  const { isMap, isScalar, LineCounter, parseDocument } = require("yaml") as typeof import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    problems.push({ source: `${name}:${lines.linePos(pos[0]).line}`, message });
  }
  if (document.errors.length > 0 || document.contents === null) return [];

  const settings: Setting[] = [];
  const sourceOf = (node: unknown) => {
    const offset = (node as Node | null)?.range?.[0];
    return offset === undefined ? name : `${name}:${lines.linePos(offset).line}`;
  };
  const visit = (node: unknown, prefix: string) => {
    if (!isMap(node)) {
      const what = prefix === "" ? "the file" : prefix;
      // `flows:` with everything below commented out means no settings.
      if (isScalar(node) && node.value === null) return;
      problems.push({ source: sourceOf(node), message: `Cannot read ${what}: needs a map of settings` });
      return;
    }
    for (const { key, value } of node.items) {
      const path = prefix === "" ? `${key}` : `${prefix}.${key}`;
      if (OPTIONS.some((option) => option.path === path)) {
        const plain: unknown = (value as Node | null)?.toJS(document) ?? null;
        settings.push({ path, value: plain, source: sourceOf(key) });
      } else if (OPTIONS.some((option) => option.path.startsWith(`${path}.`))) {
        visit(value, path);
      } else {
        problems.push({ source: sourceOf(key), message: `unknown key ${path}${didYouMean(path, knownKeys())}` });
      }
    }
  };
  visit(document.contents, "");
  return settings;
}

/** All paths and their sections. */
function knownKeys(): Set<string> {
  return new Set(
    OPTIONS.flatMap(({ path }) => (path.includes(".") ? [path, path.slice(0, path.indexOf("."))] : [path])),
  );
}
