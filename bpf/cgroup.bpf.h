/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading cgroups. Pointers may be of any kind: every field is probed. */
#ifndef WEIR_CGROUP_BPF_H
#define WEIR_CGROUP_BPF_H

#include "kernel.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* <linux/cgroup-defs.h> */
struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id; /* 0 for cgroup v2 */
};

/* What the hot paths need not know of a cgroup. */
struct cgroup___whole {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup *ancestors[];
};

/* Before 6.1: ids in place of pointers. */
struct cgroup___before_6_1 {
	int level;
	__u64 ancestor_ids[];
};

/* <linux/kernfs.h> */
struct kernfs_node___named {
	const char *name;
};

#pragma clang attribute pop

static __always_inline __u64 cgroup_id_of(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, kn, id);
}

static __always_inline int cgroup_level_of(struct cgroup *cgrp)
{
	struct cgroup___whole *whole = (void *)cgrp;

	return BPF_CORE_READ(whole, level);
}

/* NULL above the root. */
static __always_inline struct cgroup *cgroup_above(struct cgroup *cgrp)
{
	struct cgroup___whole *whole = (void *)cgrp;
	struct cgroup_subsys_state *parent = BPF_CORE_READ(whole, self.parent);

	if (!parent)
		return NULL;
	return (void *)parent - bpf_core_field_offset(struct cgroup___whole, self);
}

/* The id of the cgroup at a level of the path to this one; `level` is not below its own. */
static __always_inline __u64 cgroup_ancestor_id(struct cgroup *cgrp, __u32 level)
{
	struct cgroup___whole *whole = (void *)cgrp;
	struct cgroup___before_6_1 *before = (void *)cgrp;
	struct cgroup *ancestor = NULL;
	__u64 id = 0;

	if (bpf_core_field_exists(whole->ancestors)) {
		bpf_probe_read_kernel(&ancestor, sizeof(ancestor), &whole->ancestors[level]);
		return cgroup_id_of(ancestor);
	}
	bpf_probe_read_kernel(&id, sizeof(id), &before->ancestor_ids[level]);
	return id;
}

#endif
