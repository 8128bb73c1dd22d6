/**
 * Stands for runc: gives each container that is not privileged a private cgroup namespace, as containerd does on a host of pure
 * cgroup v2. The path of runc comes first, then runc's own arguments.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Specification {
  readonly linux: {
    readonly namespaces: { type: string }[];
    readonly resources?: { readonly devices?: readonly { readonly allow: boolean; readonly type?: string }[] };
  };
}

const [runc = "", ...args] = process.argv.slice(2);
const bundle = args[args.indexOf("--bundle") + 1];
if (args.includes("create") && args.includes("--bundle") && bundle !== undefined) {
  const path = join(bundle, "config.json");
  const specification = JSON.parse(readFileSync(path, "utf8")) as Specification;
  const { namespaces, resources } = specification.linux;
  const privileged = resources?.devices?.some(({ allow, type }) => allow && (type === undefined || type === "a"));
  if (privileged !== true && !namespaces.some(({ type }) => type === "cgroup")) {
    namespaces.push({ type: "cgroup" });
    writeFileSync(path, JSON.stringify(specification));
  }
}
if (process.execve === undefined) throw new Error("Cannot become runc: this needs Node 22.15 or later");
process.execve(runc, [runc, ...args], process.env);
