/** A kernel that Debian packages, and where. */
export interface KernelRelease {
  /** As on the command line: "6.1". */
  readonly release: string;
  /** The Debian suite that carries it. */
  readonly suite: string;
  /** Its packages, by pattern because the patch number moves; of several that match, the newest is taken. */
  readonly packages: readonly RegExp[];
  /** Added to the kernel's command line. */
  readonly parameters: readonly string[];
}

/** The cloud flavour: BTF, BPF, all of netfilter, and drivers for virtual machines only. Oldest first. */
export const KERNEL_RELEASES: readonly KernelRelease[] = [
  {
    release: "5.10",
    suite: "bullseye",
    packages: [/^linux-image-5\.10\.0-\d+-cloud-amd64$/],
    parameters: [],
  },
  {
    release: "6.1",
    suite: "bookworm",
    packages: [/^linux-image-6\.1\.0-\d+-cloud-amd64$/],
    parameters: [],
  },
  {
    release: "6.12",
    suite: "trixie",
    packages: [/^linux-image-6\.12\.\d+\+deb13-cloud-amd64$/],
    parameters: [],
  },
  {
    release: "7.2",
    suite: "sid",
    packages: [/^linux-binary-7\.2\.\d+\+deb14-cloud-amd64$/, /^linux-modules-7\.2\.\d+\+deb14-cloud-amd64$/],
    // This kernel allocates socket storage with kmalloc_nolock(), which refuses on a CPU without cmpxchg16b, as our
    // emulated one is (see guest.ts), unless the cache is a debugging one (mm/slub.c).
    parameters: ["slab_debug=F,kmalloc-*"],
  },
];

/** Those named, in the order of `KERNEL_RELEASES`; all where none is named. Throws for a name that is not among them. */
export function selectReleases(names: readonly string[]): readonly KernelRelease[] {
  for (const name of names) {
    if (!KERNEL_RELEASES.some(({ release }) => release === name)) {
      const known = KERNEL_RELEASES.map(({ release }) => release).join(", ");
      throw new Error(`Cannot run kernel "${name}": use one of ${known}`);
    }
  }
  return names.length === 0 ? KERNEL_RELEASES : KERNEL_RELEASES.filter(({ release }) => names.includes(release));
}
