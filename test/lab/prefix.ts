/** Everything that a lab makes on the host carries this: network namespaces, cgroups, and its directory. */
export const LAB_PREFIX = "weir-lab";

/** Configuration files and data of the lab's programs. */
export const LAB_DIRECTORY = "/run/weir-lab";

/** Held by the one lab that may be up on a host. */
export const LAB_LOCK = "/run/weir-lab.lock";
