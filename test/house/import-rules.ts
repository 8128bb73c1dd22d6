import { dirname, join } from "node:path";
import { parseSync } from "oxc-parser";

/** A source file by its path from the project's root, such as `src/flows/edge.ts`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What one file takes from another, or from a package (then `to` is the bare specifier). */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly line: number;
  readonly typeOnly: boolean;
}

interface Allowed {
  /** Rooms whose values and types may be used. */
  readonly values: readonly string[];
  /** Rooms of which only types may be used. */
  readonly types: readonly string[];
}

const BOTTOM: Allowed = { values: [], types: [] };

/** Which rooms of src/ may see which: the picture in ARCHITECTURE.md. What lies directly in src/ (`main.ts`, `agent.ts`) sees all. */
const RULES: Readonly<Record<string, Allowed>> = {
  config: BOTTOM,
  kernel: BOTTOM,
  kubernetes: BOTTOM,
  metrics: BOTTOM,
  identity: { values: ["kubernetes"], types: [] },
  peers: { values: ["kernel", "identity"], types: [] },
  flows: { values: ["kernel", "identity", "metrics"], types: [] },
  export: { values: ["metrics"], types: ["flows", "identity", "config"] },
  cli: { values: ["config", "kernel", "kubernetes", "metrics", "identity", "peers", "flows", "export"], types: [] },
};

/** Every import, re-export, dynamic `import()` and `require()` of the files, with relative specifiers resolved. */
export function importsOf(files: readonly SourceFile[]): Import[] {
  return files.flatMap((file) => {
    const { module, errors, program } = parseSync(file.path, file.text);
    if (errors.length > 0) throw new Error(`Cannot parse ${file.path}: ${errors[0]?.message}`);
    const lineAt = (offset: number) => file.text.slice(0, offset).split("\n").length;
    const found: Import[] = [];
    const add = (specifier: string, offset: number, typeOnly: boolean) => {
      const to = specifier.startsWith(".") ? join(dirname(file.path), specifier) : specifier;
      found.push({ from: file.path, to, line: lineAt(offset), typeOnly });
    };
    for (const { moduleRequest, start, entries } of module.staticImports) {
      const typeOnly = entries.length > 0 && entries.every((entry) => entry.isType);
      add(moduleRequest.value, start, typeOnly);
    }
    for (const { entries, start } of module.staticExports) {
      for (const { moduleRequest, isType } of entries) {
        if (moduleRequest !== null) add(moduleRequest.value, start, isType);
      }
    }
    for (const { specifier, offset, typeOnly } of dynamicImports(program)) add(specifier, offset, typeOnly);
    return found;
  });
}

/** Each rule broken, as `file:line: what`. */
export function violations(files: readonly SourceFile[]): string[] {
  const imports = importsOf(files);
  // The path of an addon is found as an import and again as text.
  return [...new Set(imports.flatMap(violation)), ...cycles(imports)];
}

function violation({ from, to, line, typeOnly }: Import): string[] {
  const at = `${from}:${line}:`;
  const room = roomOf(from);
  if (isAddon(to) && room !== "kernel") return [`${at} only src/kernel may import the addon`];
  if (room === undefined || !to.startsWith("src/")) return [];
  if (isTop(from)) return [];
  if (isTop(to)) return [`${at} nothing may import ${to}`];
  const target = roomOf(to);
  if (target === room) return [];
  const allowed = RULES[room];
  if (allowed === undefined) return [`${at} src/${room} has no rule in test/house/import-rules.ts`];
  if (target !== undefined && allowed.values.includes(target)) return [];
  if (target !== undefined && allowed.types.includes(target)) {
    return typeOnly ? [] : [`${at} ${room} may import types only from ${target}`];
  }
  return [`${at} ${room} may not import ${to}`];
}

/** Whether a file lies directly in src/: it sees every room, and no room sees it. */
function isTop(path: string): boolean {
  return /^src\/[^/]+$/.test(path);
}

/** The folder below src/, or the file's own name for what lies directly in it; undefined outside src/. */
function roomOf(path: string): string | undefined {
  return path.startsWith("src/") ? path.split("/")[1] : undefined;
}

function isAddon(to: string): boolean {
  return to.endsWith(".node") || to === "bindings" || /^(?:build|native)\//.test(to);
}

/** Each cycle once, type-only imports included, as `cycle: a -> b -> a`. */
function cycles(imports: readonly Import[]): string[] {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of imports) edges.set(from, (edges.get(from) ?? new Set()).add(to));
  const found: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string) => {
    const start = trail.indexOf(file);
    if (start !== -1) {
      found.push(`cycle: ${[...trail.slice(start), file].join(" -> ")}`);
      return;
    }
    if (done.has(file)) return;
    trail.push(file);
    for (const next of edges.get(file) ?? []) visit(next);
    trail.pop();
    done.add(file);
  };
  for (const file of edges.keys()) visit(file);
  return found;
}

/** What the walk below looks at; each kind of node has only some of it. */
interface SyntaxNode {
  readonly type?: string;
  readonly start?: number;
  readonly value?: unknown;
  readonly source?: SyntaxNode;
  readonly callee?: { readonly name?: string };
  readonly arguments?: readonly SyntaxNode[];
}

/**
 * `import("x")`, `require("x")` and the type `import("x").Y`, wherever they stand; and any text that is a path of an
 * addon, since that can be loaded in many ways.
 */
function* dynamicImports(node: unknown): Generator<{ specifier: string; offset: number; typeOnly: boolean }> {
  if (Array.isArray(node)) {
    for (const child of node) yield* dynamicImports(child);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  const { type, start = 0, value, source, callee, arguments: args }: SyntaxNode = node;
  let specifier: unknown;
  if (type === "CallExpression" && callee?.name === "require") specifier = args?.[0]?.value;
  else if (type === "ImportExpression" || type === "TSImportType") specifier = source?.value;
  else if (type === "Literal" && typeof value === "string" && /\/[^/]*\.node$/.test(value)) specifier = value;
  if (typeof specifier === "string") yield { specifier, offset: start, typeOnly: type === "TSImportType" };
  for (const child of Object.values(node)) yield* dynamicImports(child);
}
