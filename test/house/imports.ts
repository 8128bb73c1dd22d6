// Proves that imports in src/ run one way. Exits 1 and names each one that does not.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { violations } from "./import-rules.ts";

const root = join(import.meta.dirname, "../..");
const files = globSync("src/**/*.ts", { cwd: root }).map((path) => ({
  path,
  text: readFileSync(join(root, path), "utf8"),
}));
const found = violations(files);
for (const line of found) console.error(line);
console.log(`imports: ${files.length} files, ${found.length} against the rules`);
process.exitCode = found.length === 0 ? 0 : 1;
