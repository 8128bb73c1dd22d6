import { Program } from "./program.ts";

export interface FaultSpec {
  /**
   * `drop`: silence, so that connecting times out; `unreachable`: answered with ICMP "host unreachable";
   * `reset`: answered with a RST, also in the middle of a connection.
   */
  readonly kind: "drop" | "unreachable" | "reset";
  /** TCP destination port; all ports where left out. */
  readonly port?: number;
}

/** A rule that makes connections fail, until it is removed. */
export interface Fault {
  /** Packets that it has hit. */
  packets(): Promise<number>;
  /** Idempotent. */
  remove(): Promise<void>;
}

const VERDICTS = {
  drop: "drop",
  unreachable: "reject with icmpx type host-unreachable",
  reset: "reject with tcp reset",
};
let made = 0;

/** Adds a rule to what arrives in a network namespace, as a network policy's enforcer does. */
export async function fault(netns: string, spec: FaultSpec): Promise<Fault> {
  const table = `lab-fault-${process.pid}-${++made}`;
  const match = spec.port === undefined ? "meta l4proto tcp" : `tcp dport ${spec.port}`;
  const nft = (argv: readonly string[], input?: string) =>
    Program.mustRun(["nsenter", `--net=${netns}`, "--", "nft", ...argv], input === undefined ? {} : { input });
  await nft(
    ["-f", "-"],
    `table inet ${table} {
  chain input {
    type filter hook input priority filter; policy accept;
    ${match} counter ${VERDICTS[spec.kind]}
  }
}`,
  );
  let removed = false;
  return {
    async packets() {
      const match = /counter packets (\d+)/.exec(await nft(["list", "table", "inet", table]));
      return Number(match?.[1] ?? 0);
    },
    async remove() {
      if (removed) return;
      removed = true;
      await nft(["delete", "table", "inet", table]);
    },
  };
}
