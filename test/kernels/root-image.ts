import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianMirror } from "./debian-suite.ts";
import { makeExt4Image } from "./ext4-image.ts";
import { cached, keyOf } from "./kernel-cache.ts";
import { runTool } from "./run-tool.ts";

/** That of the machines we build on: the addon is linked against its libraries. */
const SUITE = "bookworm";
const PACKAGES = [
  ...["libatomic1", "libstdc++6", "libbpf1", "libelf1", "zlib1g"], // Node and the addon
  ...["kmod", "procps", "util-linux", "iproute2", "iptables", "nftables", "ipset", "conntrack", "ipvsadm", "ethtool"],
  ...["iperf3", "nginx-light", "redis-server", "wrk", "curl", "bpftool"], // real traffic, and a look at what is loaded
];
const LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"];
const FREE_BYTES = 1 << 30;

/** The guests' root file system, the same for all kernels: a small Debian, and the Node that runs this. */
export async function rootImage(): Promise<string> {
  const recipe = readFileSync(import.meta.filename);
  return cached("root", keyOf(recipe, process.version), async (image) => {
    console.log(`      making the guests' root file system from Debian ${SUITE} (a minute or two)`);
    const root = `${image}.root`;
    const options = [
      "--mode=root",
      "--variant=minbase",
      `--include=${PACKAGES.join()}`,
      '--aptopt=APT::Sandbox::User "root"',
      '--aptopt=Acquire::Languages "none"',
      ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
    ];
    await runTool("mmdebstrap", ["--quiet", ...options, SUITE, root, await debianMirror()]);
    copyFileSync(process.execPath, join(root, "usr/local/bin/node"));
    chmodSync(join(root, "usr/local/bin/node"), 0o755);
    writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
    for (const name of ["weir", "results", "lib/modules"]) mkdirSync(join(root, name), { recursive: true });
    await makeExt4Image(root, image, FREE_BYTES);
    rmSync(root, { recursive: true });
  });
}
