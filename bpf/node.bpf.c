/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where processes live: the agent's own ancestors, by which it finds out what its node is; the cgroups of all processes
 * that it can see; and cgroups as they come and go, however short they live. The kernel's own view, whatever cgroup
 * namespace and mounts the agent has.
 *
 *   node_lineage    iter/task            the agent's own process and those above it, with their cgroups
 *   node_processes  iter/task            the processes of the agent's pid namespace, with their cgroups
 *   cgroup_made     tp_btf/cgroup_mkdir  a new cgroup, with those above it
 *   cgroup_gone     tp_btf/cgroup_rmdir  and its end
 *
 * Not covered: cgroups of the v1 hierarchies, and those that held no process when the agent started.
 */
#include <stdbool.h>

#include "cgroup.bpf.h"
#include "kernel.bpf.h"
#include "node.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* News of cgroups on their way to the agent. 512 KiB hold 1771 of them, a few for each new cgroup. When full: counted in
 * lost[NEWS_FULL], and the agent asks for all processes again. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
} news SEC(".maps");

/* Refusals. Key: enum weir_node_lost; value: count on each CPU. 8 bytes x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_NODE_LOST_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* Cgroups told of above one; nobody nests so deep. */
#define MAX_DEPTH 16
/* Records of the agent's lineage: as many as the iterator's buffer of 32 KiB holds. */
#define MAX_LINEAGE 64
/* <linux/sched.h> */
#define PF_KTHREAD 0x00200000

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* <linux/pid.h> */
struct upid {
	int nr;
	void *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[];
};

/* <linux/cgroup_namespace.h> */
struct cgroup_namespace {
	struct css_set *root_cset;
};

/* <linux/nsproxy.h> */
struct nsproxy {
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
};

/* <linux/sched.h>: what the hot paths need not know of a process */
struct task_struct___whole {
	int pid;
	int tgid;
	unsigned int flags;
	struct task_struct___whole *real_parent;
	struct task_struct___whole *group_leader;
	struct pid *thread_pid;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	char comm[16];
};

/* <linux/bpf.h> */
struct bpf_iter_meta___numbered {
	struct seq_file *seq;
	__u64 seq_num;
};

/* kernel/bpf/task_iter.c */
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* What the last turn of node_processes told; the next process is likely to live there too. */
__u64 last_cgroup_id;
__u32 last_netns;

static __always_inline void read_cgroup(struct cgroup *cgrp, struct weir_node_record *record)
{
	struct cgroup *above = cgroup_above(cgrp);
	struct kernfs_node___named *named = (void *)BPF_CORE_READ(cgrp, kn);

	record->kind = WEIR_NODE_CGROUP;
	record->cgroup_id = cgroup_id_of(cgrp);
	record->parent_id = above ? cgroup_id_of(above) : 0;
	record->level = cgroup_level_of(cgrp);
	record->pid = 0;
	record->netns = 0;
	if (bpf_probe_read_kernel_str(record->name, sizeof(record->name),
				      BPF_CORE_READ(named, name)) < 0)
		record->name[0] = 0;
}

/* A cgroup and those above it, from here up; false where there was no room. */
static __always_inline bool show_cgroups(struct seq_file *seq, struct cgroup *cgrp,
					 struct weir_node_record *record)
{
	for (int depth = 0; depth < MAX_DEPTH && cgrp; depth++) {
		read_cgroup(cgrp, record);
		if (bpf_seq_write(seq, record, sizeof(*record)))
			return false;
		cgrp = cgroup_above(cgrp);
	}
	return true;
}

static __always_inline __u32 netns_of(struct task_struct___whole *task)
{
	return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

static __always_inline void read_process(struct task_struct___whole *task,
					 struct weir_node_record *record)
{
	record->kind = WEIR_NODE_PROCESS;
	record->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	record->parent_id = BPF_CORE_READ(task, nsproxy, cgroup_ns, root_cset, dfl_cgrp, kn, id);
	record->level = 0;
	record->pid = BPF_CORE_READ(task, tgid);
	record->netns = netns_of(task);
	BPF_CORE_READ_STR_INTO(&record->name, task, comm);
}

static __always_inline __u64 turn_of(struct bpf_iter_meta *meta)
{
	struct bpf_iter_meta___numbered *numbered = (void *)meta;

	return BPF_CORE_READ(numbered, seq_num);
}

/*
 * Runs for every process, and has told all the first time. Whoever reads the iterator is the agent. One loop for both
 * ways up, because the verifier follows a loop inside a loop too far.
 */
SEC("iter/task")
int node_lineage(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct___whole *task = (void *)bpf_get_current_task();
	struct cgroup *cgrp = NULL, *last = NULL;
	struct weir_node_record record = {};

	if (!ctx->task || turn_of(ctx->meta))
		return 0;
	for (int told = 0; told < MAX_LINEAGE; told++) {
		if (cgrp) {
			read_cgroup(cgrp, &record);
			cgrp = cgroup_above(cgrp);
		} else if (task) {
			task = BPF_CORE_READ(task, group_leader);
			read_process(task, &record);
			cgrp = BPF_CORE_READ(task, cgroups, dfl_cgrp);
			if (cgrp == last)
				cgrp = NULL;
			else
				last = cgrp;
			/* the first of all is its own parent */
			task = record.pid ? BPF_CORE_READ(task, real_parent) : NULL;
		} else {
			return 0;
		}
		if (bpf_seq_write(seq, &record, sizeof(record)))
			return 0;
	}
	return 0;
}

/* The pid of a process in the pid namespace of whoever reads the iterator, where it can be seen. */
static __always_inline __u32 pid_here(struct task_struct___whole *task)
{
	struct task_struct___whole *self = (void *)bpf_get_current_task();
	__u32 level = BPF_CORE_READ(self, thread_pid, level);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid *number = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
			      (__u64)level * bpf_core_type_size(struct upid);

	return BPF_CORE_READ(number, nr);
}

SEC("iter/task")
int node_processes(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct___whole *task = (void *)ctx->task;
	struct weir_node_record record = {};
	struct cgroup *cgrp;
	__u64 cgroup_id;
	__u32 netns;

	if (!task)
		return 0;
	if (!turn_of(ctx->meta)) {
		last_cgroup_id = 0;
		last_netns = 0;
	}
	if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid) ||
	    BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	cgrp = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	cgroup_id = cgroup_id_of(cgrp);
	netns = netns_of(task);
	if (cgroup_id == last_cgroup_id && netns == last_netns)
		return 0;
	if (cgroup_id != last_cgroup_id && !show_cgroups(seq, cgrp, &record))
		return 0;
	read_process(task, &record);
	record.pid = pid_here(task);
	if (bpf_seq_write(seq, &record, sizeof(record)))
		return 0;
	/* out of room: the kernel comes back with this process in the next read */
	last_cgroup_id = cgroup_id;
	last_netns = netns;
	return 0;
}

static __always_inline struct weir_node_record *reserve(void)
{
	struct weir_node_record *record = bpf_ringbuf_reserve(&news, sizeof(*record), 0);
	__u32 reason = WEIR_NODE_LOST_NEWS_FULL;
	__u64 *count;

	if (record)
		return record;
	count = bpf_map_lookup_elem(&lost, &reason);
	if (count)
		*count += 1;
	return NULL;
}

static __always_inline bool is_v2(struct cgroup *cgrp)
{
	struct cgroup___whole *whole = (void *)cgrp;

	return BPF_CORE_READ(whole, root, hierarchy_id) == 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *cgrp)
{
	struct weir_node_record *record;

	if (!is_v2(cgrp))
		return 0;
	for (int depth = 0; depth < MAX_DEPTH && cgrp; depth++) {
		record = reserve();
		if (!record)
			return 0;
		read_cgroup(cgrp, record);
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
		cgrp = cgroup_above(cgrp);
	}
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_gone, struct cgroup *cgrp)
{
	struct weir_node_record *record;

	if (!is_v2(cgrp))
		return 0;
	record = reserve();
	if (!record)
		return 0;
	record->kind = WEIR_NODE_CGROUP_GONE;
	record->cgroup_id = cgroup_id_of(cgrp);
	record->parent_id = 0;
	record->level = 0;
	record->pid = 0;
	record->netns = 0;
	record->name[0] = 0;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}
