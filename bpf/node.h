/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What crosses between the agent and the programs that know about nodes: bpf/node.bpf.c, which tells of processes and
 * cgroups, and bpf/node.bpf.h, by which others keep to one node. Compiled by clang for bpf and by the C++ addon.
 */
#ifndef WEIR_NODE_H
#define WEIR_NODE_H

#include <linux/types.h>

/* What a record tells. */
enum weir_node_kind {
	WEIR_NODE_PROCESS = 1, /* a process, and where it lives */
	WEIR_NODE_CGROUP, /* a cgroup that exists */
	WEIR_NODE_CGROUP_GONE, /* one that was removed: only its id is told */
};

enum {
	WEIR_NODE_NAME_BYTES = 256, /* longer than any name of a directory */
};

/* Indexes of the `lost` map. */
enum weir_node_lost {
	WEIR_NODE_LOST_NEWS_FULL, /* news of a cgroup found no room in the ring */
	WEIR_NODE_LOST_REASONS,
};

/* Ids are those of the cgroup v2 hierarchy: inode numbers of its directories, 1 for its root. */
struct weir_node_record {
	__u64 cgroup_id; /* the cgroup; a process's */
	__u64 parent_id; /* the cgroup above, 0 above the root; a process's: the root of its cgroup namespace */
	__u32 level; /* of the cgroup: 0 for the root */
	__u32 pid; /* in the agent's pid namespace where it has one there, else of the kernel; 0 the kernel itself */
	__u32 netns; /* inode number; of a process */
	__u8 kind; /* enum weir_node_kind */
	__u8 pad[3];
	__u8 name
		[WEIR_NODE_NAME_BYTES]; /* zero-terminated bytes of any kind: of the cgroup, or of the process */
};

/* The node that programs keep to. */
struct weir_node {
	__u64 cgroup_id; /* below which all of the node's processes live */
	__u32 level; /* of that cgroup; 0: the node is the whole host, and nothing is filtered */
	__u32 netns; /* the node's own network namespace, whose sockets are its own whatever their cgroup; 0 none */
};

#ifdef __cplusplus
static_assert(sizeof(weir_node_record) == 288, "ABI");
static_assert(sizeof(weir_node) == 16, "ABI");
#else
_Static_assert(sizeof(struct weir_node_record) == 288, "ABI");
_Static_assert(sizeof(struct weir_node) == 16, "ABI");
#endif

#endif
