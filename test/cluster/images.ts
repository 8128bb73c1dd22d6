import { readFileSync, readlinkSync } from "node:fs";
import { cached, keyOf } from "../kernels/kernel-cache.ts";
import { runTool } from "../kernels/run-tool.ts";
import { peerBinary } from "../lab/peer-binary.ts";
import { toolPath } from "../rig/tools.ts";
import { writeImage } from "./image.ts";

const BUSYBOX = "/bin/busybox";

/** An image as a Docker archive. */
export interface Image {
  readonly name: string;
  readonly archive: string;
}

/** What every node has, made once per machine. */
export interface Images {
  /** The lab's `peer`, at the path that it has on this host, so that it is started alike everywhere, and a shell. Also every pod's pause container. */
  readonly peer: Image;
  readonly coredns: Image;
}

export async function makeImages(): Promise<Images> {
  const peer = await peerBinary();
  const coredns = await toolPath("coredns", "coredns");
  const applets = (await runTool(BUSYBOX, ["--list"])).split("\n").filter((name) => name !== "" && name !== "busybox");
  const source = readFileSync(new URL("image.ts", import.meta.url));
  return {
    peer: await made("peer", keyOf(source, peer, applets.join()), {
      files: { [peer]: peer, "bin/busybox": BUSYBOX },
      links: Object.fromEntries(applets.map((name) => [`bin/${name}`, "busybox"])),
      command: [peer, "pause"],
    }),
    // The link names the build.
    coredns: await made("coredns", keyOf(source, readlinkSync(coredns)), {
      files: { "bin/coredns": coredns },
      command: ["/bin/coredns"],
    }),
  };
}

async function made(kind: string, key: string, contents: Omit<Parameters<typeof writeImage>[0], "name">) {
  const name = `localhost/weir-test-${kind}:${key}`;
  return { name, archive: await cached(`image-${kind}`, key, (path) => writeImage({ name, ...contents }, path)) };
}
