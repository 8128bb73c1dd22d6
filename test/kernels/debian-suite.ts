import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "./run-tool.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Debian's archive as this machine's own apt reaches it; DEBIAN_MIRROR overrides. */
export async function debianMirror(): Promise<string> {
  const chosen = process.env["DEBIAN_MIRROR"];
  if (chosen) return chosen;
  const targets = await runTool("apt-get", [
    "indextargets",
    "--format",
    "$(SITE) $(RELEASE) $(COMPONENT)",
    "Created-By: Packages",
  ]);
  const system = readFileSync("/etc/os-release", "utf8");
  const codename = /^VERSION_CODENAME=(\S+)$/m.exec(system)?.[1];
  for (const line of targets.split("\n")) {
    const [site, release, component] = line.split(" ");
    if (site !== undefined && release === codename && component === "main" && /^ID=debian$/m.test(system)) return site;
  }
  throw new Error(
    "Cannot find a mirror of Debian: this machine's apt sources name none. Set DEBIAN_MIRROR to the address of one",
  );
}

/** One suite of the archive, with package lists of its own: this machine's apt is neither used nor changed. */
export class DebianSuite {
  readonly #name: string;
  readonly #mirror: string;
  readonly #directory: string;

  /** Keeps its lists below `directory`. */
  static async open(name: string, directory: string): Promise<DebianSuite> {
    const suite = new DebianSuite(name, await debianMirror(), directory);
    await suite.#update();
    return suite;
  }

  private constructor(name: string, mirror: string, directory: string) {
    this.#name = name;
    this.#mirror = mirror;
    this.#directory = directory;
  }

  /** The newest package whose name matches. */
  async newest(pattern: RegExp): Promise<string> {
    const names = (await runTool("apt-cache", [...this.#options(), "pkgnames", "linux-"])).split("\n");
    const matching = names.filter((name) => pattern.test(name));
    const newest = matching.sort(new Intl.Collator("en", { numeric: true }).compare).at(-1);
    if (newest === undefined) {
      throw new Error(`Cannot find a package ${pattern.source} in Debian ${this.#name} on ${this.#mirror}`);
    }
    return newest;
  }

  /** Downloads into `target`, without installing. */
  async download(packages: readonly string[], target: string): Promise<void> {
    await runTool("env", ["-C", target, "apt-get", ...this.#options(), "-qq", "download", ...packages]);
  }

  async #update(): Promise<void> {
    for (const name of ["lists/partial", "archives/partial"])
      mkdirSync(join(this.#directory, name), { recursive: true });
    writeFileSync(
      join(this.#directory, "sources.list"),
      `deb [arch=amd64 signed-by=${KEYRING}] ${this.#mirror} ${this.#name} main\n`,
    );
    await runTool("apt-get", [...this.#options(), "-qq", "--error-on=any", "update"]);
  }

  #options(): string[] {
    const settings = {
      "Dir::Etc::sourcelist": join(this.#directory, "sources.list"),
      "Dir::Etc::sourceparts": "/dev/null",
      "Dir::State::Lists": join(this.#directory, "lists"),
      "Dir::Cache::archives": join(this.#directory, "archives"),
      // In memory: a cache on disk would be this machine's own.
      "Dir::Cache::pkgcache": "",
      "Dir::Cache::srcpkgcache": "",
      "Acquire::Languages": "none",
      // apt's own user cannot enter the directories that we work in.
      "APT::Sandbox::User": "root",
    };
    return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  }
}
