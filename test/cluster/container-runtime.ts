import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DebianSuite } from "../kernels/debian-suite.ts";
import { cached, keyOf } from "../kernels/kernel-cache.ts";
import { runTool } from "../kernels/run-tool.ts";

/** That of the nodes in virtual machines, which run these programs too. */
const SUITE = "bookworm";
const PACKAGES = ["runc", "containernetworking-plugins"];

/** Debian's programs that run a container and connect it, unpacked and not installed: a machine may have others of its own. */
export interface ContainerRuntime {
  readonly runc: string;
  /** Directory of the CNI plugins. */
  readonly cniPlugins: string;
}

/** Downloads them where that was never done. */
export async function containerRuntime(): Promise<ContainerRuntime> {
  const directory = await cached("container-runtime", keyOf(SUITE, ...PACKAGES), async (path) => {
    console.log(`downloading ${PACKAGES.join(" and ")} from Debian ${SUITE}`);
    mkdirSync(path);
    const apt = join(path, "apt");
    await (await DebianSuite.open(SUITE, apt)).download(PACKAGES, path);
    rmSync(apt, { recursive: true });
    for (const file of readdirSync(path)) {
      await runTool("dpkg-deb", ["-x", join(path, file), path]);
      rmSync(join(path, file));
    }
  });
  return { runc: join(directory, "usr/sbin/runc"), cniPlugins: join(directory, "usr/lib/cni") };
}
