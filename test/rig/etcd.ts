import { freePort } from "./free-port.ts";
import { Process } from "./process.ts";
import type { ScratchDirectory } from "./scratch-directory.ts";
import { toolPath } from "./tools.ts";

/** One etcd member on loopback that keeps its data in `directory`. It does not wait for the disk: a test's data need not survive the machine. */
export class Etcd {
  readonly url: string;
  readonly process: Process;

  static async start(directory: ScratchDirectory): Promise<Etcd> {
    const url = `http://127.0.0.1:${await freePort()}`;
    const peerUrl = `http://127.0.0.1:${await freePort()}`;
    const process = await Process.start({
      command: [
        await toolPath("etcd", "etcd"),
        `--data-dir=${directory.file("etcd")}`,
        "--unsafe-no-fsync",
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=default=${peerUrl}`,
      ],
      logFile: directory.file("etcd.log"),
    });
    const etcd = new Etcd(url, process);
    try {
      await process.waitUntil(async () => (await fetch(`${url}/health`)).ok, {
        what: "etcd's health",
        deadlineMs: 30_000,
      });
    } catch (error) {
      await process.kill();
      throw error;
    }
    return etcd;
  }

  private constructor(url: string, process: Process) {
    this.url = url;
    this.process = process;
  }
}
